/** npm run sample -- --interactive: a conversation with a model. */
import { normalizeText } from '../../model/text/tokenizer.ts';
import { generate } from '../../sample/generate.ts';
import { promptTokens } from '../../sample/prompt.ts';
import { parse } from '../command/command.ts';
import { note } from '../host/output.ts';
import { converse } from './conversation.ts';
import { sampleFlags } from './flags.ts';
import { noteAddedText, speed } from './remarks.ts';
import { introduce, optionsOf, type Session } from './session.ts';
import { checkFlags } from './settings.ts';

/** The flags that a conversation may change: /temperature 0.5. */
const changeable = ['seed', 'temperature', 'top-p', 'top-k', 'min-p', 'tokens'];

/** Turn i draws with stream i of random numbers. */
export async function talk(session: Session): Promise<void> {
  const { model, tokenizer } = session;
  let { given, options } = session;
  let [tokens, milliseconds] = [0, 0];
  introduce(session, []);
  const answers = await converse(session.given.prompt?.[0] ?? '', { respond, set });
  note(`${answers} ${answers === 1 ? 'answer' : 'answers'}: ${speed(tokens, milliseconds)}`);

  /** An answer is one line, unless the flags ask for another end: it stops at the first line break after something visible. */
  function* respond(text: string, turn: number): Generator<string> {
    const { unknown = 'error', stop, 'stop-token': stopToken, 'min-tokens': least = 0 } = given;
    noteAddedText(text, 'the text', tokenizer);
    const prompt = promptTokens(tokenizer, normalizeText(text), unknown);
    const oneLine = stop === undefined && stopToken === undefined;
    let drawn = 0;
    let blank = true;
    const began = performance.now();
    try {
      for (const event of generate(model, [{ prompt, stream: turn }], { ...options, forget: true })) {
        if (event.token !== undefined) drawn += 1;
        const from: number = blank ? event.text.search(/\S/) : 0;
        blank &&= from < 0;
        const end = blank ? -1 : event.text.indexOf('\n', from);
        if (oneLine && end >= 0 && drawn >= least) {
          yield event.text.slice(0, end + 1);
          return;
        }
        yield event.text;
      }
    } finally {
      tokens += drawn;
      milliseconds += performance.now() - began;
    }
  }

  function set(name: string, value: string): string | undefined {
    if (!changeable.includes(name)) return undefined;
    const values = parse({ name, summary: '', flags: sampleFlags, examples: [] }, [`--${name}=${value}`]);
    if (values === 'help') return undefined;
    const { greedy, ...others } = given;
    const changed = { ...others, ...(greedy && name !== 'temperature' ? { greedy } : {}), ...values };
    checkFlags(changed);
    options = optionsOf(changed, session, changed.seed ?? options.seed);
    given = changed;
    return `${name} ${value}`;
  }
}
