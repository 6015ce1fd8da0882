/** Reads questions with choices: one JSON object a line, {"prompt": .., "choices": [..], "label": 0}; HellaSwag's own names, ctx
 * and endings, do as well. */
import { isObject, show } from '../model/json.ts';
import { normalizeText } from '../model/text/tokenizer.ts';
import type { Question } from './choices.ts';

const most = 1000;

/** @param file for error messages, which name the line. */
export function readChoices(text: string, file: string): Question[] {
  const questions = normalizeText(text)
    .split('\n')
    .map((line, i) => [line, `${file} line ${i + 1}`] as const)
    .filter(([line]) => line.trim() !== '')
    .map(([line, where]) => readQuestion(line, where));
  if (questions.length === 0) throw new Error(`${file} holds no question; expected one JSON object a line`);
  return questions;
}

function readQuestion(line: string, where: string): Question {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Error(`${where}: expected a JSON object in one line, got ${show(line.slice(0, 40))}`);
  }
  if (!isObject(value)) throw new Error(`${where}: expected a JSON object, got ${show(value)}`);
  const { prompt = value['ctx'], choices = value['endings'], label } = value;
  if (typeof prompt !== 'string' || prompt.trim() === '') {
    throw new Error(`${where}: expected a text as "prompt", got ${show(prompt)}`);
  }
  const texts =
    Array.isArray(choices) && choices.every((choice) => typeof choice === 'string' && choice !== '');
  if (!texts || choices.length < 2 || choices.length > most) {
    throw new Error(`${where}: expected 2 to ${most} texts as "choices", got ${show(choices)}`);
  }
  // HellaSwag comes with numbers, and with numbers in quotes.
  const index = typeof label === 'string' && /^\d+$/.test(label) ? Number(label) : label;
  if (!(typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < choices.length)) {
    throw new Error(`${where}: expected "label" from 0 to ${choices.length - 1}, got ${show(label)}`);
  }
  return { prompt, choices: choices as string[], label: index, where };
}
