/** This library's line face, whose clients come as streams of HTTP/2 connections (RFC 8441). */
export { http2Peer as peer } from './line.ts';
