/** This library's line face with clients that can come back: the server's code is the same, the load asks for it. */
export { peer } from './line.ts';
