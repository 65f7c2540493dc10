/** The line to type in: Enter sends, arrows recall, Tab completes nicknames. */
import { element } from './view.ts';

export interface InputEvents {
  onSubmit(text: string): void;
  /** The nicknames that may be completed. */
  candidates(): string[];
}

const MAX_HISTORY = 100;

export function wireInput({ onSubmit, candidates }: InputEvents): void {
  const line = element<HTMLTextAreaElement>('line');
  const form = element<HTMLFormElement>('say');
  const history: string[] = [];
  let at = 0;
  /** The completion under way: where the word began, and what may stand there. */
  let completion: { start: number; options: string[]; index: number } | null = null;

  const submit = (): void => {
    const text = line.value;
    if (text.trim() === '') return;
    history.push(text);
    if (history.length > MAX_HISTORY) history.shift();
    at = history.length;
    line.value = '';
    onSubmit(text);
  };

  const complete = (): boolean => {
    if (completion === null) {
      const start = line.value.lastIndexOf(' ', line.selectionStart - 1) + 1;
      const word = line.value.slice(start, line.selectionStart).toLowerCase();
      const options = word === '' ? [] : candidates().filter((nick) => nick.toLowerCase().startsWith(word));
      if (options.length === 0) return false;
      completion = { start, options, index: 0 };
    }
    const { start, options, index } = completion;
    const rest = line.value.slice(line.selectionStart);
    const word = `${options[index % options.length]}${start === 0 ? ': ' : ' '}`;
    line.value = line.value.slice(0, start) + word + rest;
    line.setSelectionRange(start + word.length, start + word.length);
    completion.index++;
    return true;
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit();
    line.focus();
  });

  line.addEventListener('keydown', (event) => {
    // An input method that is composing owns its Enter.
    if (event.isComposing) return;
    if (event.key === 'Tab' && !event.shiftKey && complete()) {
      event.preventDefault();
      return;
    }
    completion = null;
    const isOneLine = !line.value.includes('\n');
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === 'ArrowUp' && isOneLine && at > 0 && !event.altKey) {
      event.preventDefault();
      line.value = history[--at] ?? '';
    } else if (event.key === 'ArrowDown' && isOneLine && at < history.length && !event.altKey) {
      event.preventDefault();
      line.value = history[++at] ?? '';
    }
  });
}
