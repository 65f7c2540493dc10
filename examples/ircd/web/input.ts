/** The line to type in: Enter sends, Shift+Enter begins another line, the arrows recall, Tab completes. */
import { element } from './dom.ts';

export interface InputEvents {
  /** @returns whether the text was handled; otherwise it stays in the line */
  onSubmit(text: string): Promise<boolean>;
  /** What the beginning of a word may become. */
  complete(word: string, isFirst: boolean): string[];
}

const MAX_HISTORY = 100;

export function wireInput({ onSubmit, complete }: InputEvents): void {
  const line = element<HTMLTextAreaElement>('line');
  const history: string[] = [];
  /** Which of the history is shown; its length is the new line, not sent yet. */
  let recalled = 0;
  let draft = '';
  /** The completion in progress: the text before and behind the word, the options, and the current one. */
  let completion: { before: string; behind: string; options: string[]; index: number } | null = null;

  const submit = async (): Promise<void> => {
    const text = line.value;
    if (text.trim() === '' || !(await onSubmit(text))) return;
    history.push(text);
    if (history.length > MAX_HISTORY) history.shift();
    recalled = history.length;
    draft = '';
    line.value = '';
  };

  const recall = (step: -1 | 1): boolean => {
    const next = recalled + step;
    if (next < 0 || next > history.length) return false;
    if (recalled === history.length) draft = line.value;
    recalled = next;
    line.value = history[next] ?? draft;
    return true;
  };

  const completeWord = (): boolean => {
    if (completion === null) {
      const caret = line.selectionStart;
      const start = line.value.slice(0, caret).search(/\S*$/);
      const options = complete(line.value.slice(start, caret), start === 0);
      completion = { before: line.value.slice(0, start), behind: line.value.slice(caret), options, index: 0 };
    }
    const { before, behind, options } = completion;
    const word = options[completion.index++ % options.length];
    if (word === undefined) {
      completion = null;
      return false;
    }
    line.value = before + word + behind;
    line.setSelectionRange(before.length + word.length, before.length + word.length);
    return true;
  };

  element('say').addEventListener('submit', (event) => {
    event.preventDefault();
    void submit();
    line.focus();
  });

  for (const event of ['input', 'pointerdown'] as const)
    line.addEventListener(event, () => {
      completion = null;
    });

  line.addEventListener('keydown', (event) => {
    // An input method that is composing owns its Enter and its arrows.
    if (event.isComposing || event.altKey) return;
    // Where there is nothing to complete, Tab moves on, as it does everywhere: the line is no trap.
    const isDone = event.key === 'Tab' && !event.shiftKey ? completeWord() : handleKey(event);
    if (isDone) event.preventDefault();
  });

  const handleKey = (event: KeyboardEvent): boolean => {
    completion = null;
    const isOneLine = !line.value.includes('\n');
    if (event.key === 'Enter' && !event.shiftKey) void submit();
    else if (event.key === 'ArrowUp' && isOneLine) return recall(-1);
    else if (event.key === 'ArrowDown' && isOneLine) return recall(1);
    else return false;
    return true;
  };
}
