/** Lessons 19 and 30 to 33: what kind of thing a language model is. */
import { chooseAll, type Question } from '../evaluate/choices.ts';
import { decimals, percent } from '../evaluate/table.ts';
import { CharTokenizer } from '../model/text/tokenizer.ts';
import { type GenerateOptions, generateAll } from '../sample/generate.ts';
import { reference } from '../tensor/reference/index.ts';
import { counted } from '../train/metrics.ts';
import { type Run, type Subject, tiny, untrained } from './lesson.ts';

export const reproducible: Run = ({ text }) => {
  const tokenizer = CharTokenizer.train(text);
  const { model } = untrained({ ...tiny, vocabSize: tokenizer.vocabSize }, { kernels: reference });
  const prompt = tokenizer.encode('Anna ');
  const newTokens = 400;
  const draw = (seed: number) =>
    generateAll(model, [{ prompt, stream: 0 }], {
      ...{ settings: { temperature: 1.2, topK: 40, topP: 0.95 }, maxNewTokens: newTokens, seed, tokenizer },
      contextPolicy: 'shift',
    })[0]!.text;
  const [first, again, other] = [draw(7), draw(7), draw(8)];
  const equal = (a: string, b: string) => Array.from(a).filter((c, i) => c === b[i]).length;
  return {
    found: `With temperature 1.2, top-k 40 and top-p 0.95, seed 7 gave the same ${equal(first, again)} of ${newTokens} characters twice; seed 8 agrees with it in ${equal(first, other)}, about as many as chance. What is drawn is a function of the seed; what cannot be repeated is a program that does not say its seed.`,
    confirmed: first === again && first !== other,
    numbers: { newTokens, sameSeed: equal(first, again), otherSeed: equal(first, other) },
  };
};

const noPlaces = (lesson: number): Error =>
  new Error(
    `lesson ${lesson} looks for sentences of the shipped stories ("Ben had a dog."), and the held-out text has none`,
  );

/** Who said or asked something in the training text. */
function namesIn({ tokenizer, training }: Subject): ReadonlySet<string> {
  const text = tokenizer.decode(training);
  return new Set([...text.matchAll(/\b(?:said|asked) ([A-Z][a-z]+)\b/g)].map(([, name]) => name!));
}

export const classifies: Run = async (bench) => {
  const subject = await bench.subject();
  const names = namesIn(subject);
  const text = subject.tokenizer.decode(subject.heldOut);
  const where = 'held-out text';
  const most = 200;
  /** Places of a form: what stands before (its first group), and which of the labels follows (its second). */
  const labelled = (labels: readonly string[], form: RegExp): Question[] =>
    [...text.matchAll(form)].map(([, prompt, label]) => ({
      ...{ prompt: prompt!, choices: labels, label: labels.indexOf(label!), where },
    }));
  const hasOneName = ({ prompt }: Question) => {
    const capitals = new Set(prompt.match(/\b[A-Z][a-z]+\b/g));
    return capitals.size === 1 && [...capitals].every((word) => names.has(word));
  };
  const pairs = [...text.matchAll(/([A-Z][^.!?"\n]*\.) ((?:[A-Za-z]+ ){5,}[a-z]+\.)/g)];
  const swapped = pairs.map(([, prompt, sentence]): Question => {
    const [first, second, third, ...rest] = sentence!.split(' ');
    const choices = [sentence!, [first, third, second, ...rest].join(' ')];
    return { prompt: prompt!, choices, label: 0, where };
  });
  const said = labelled(['said', 'asked'], /("[^"\n]{4,80}[,.?!]") (said|asked) /g);
  const who = labelled(['He', 'She'], /([A-Z][^.!?"\n]*\.) (?=(He|She) )/g).filter(hasOneName);
  const commonest = (questions: readonly Question[]) => {
    const share = questions.filter(({ label }) => label === 0).length / questions.length;
    return Math.max(share, 1 - share);
  };
  const tasks = [
    { task: 'after a quotation: said or asked', all: said, blind: commonest },
    { task: 'a sentence, or two of its words swapped', all: swapped, blind: () => 0.5 },
    { task: 'after a sentence with one name: He or She', all: who, blind: commonest },
  ].filter(({ all }) => all.length > 0);
  if (tasks.length === 0) throw noPlaces(30);
  const rows = tasks.map(({ task, all, blind }) => {
    const questions = all.slice(0, most);
    const { right, share, interval } = chooseAll(subject, questions).raw;
    return { task, questions: questions.length, right, share, interval, blind: blind(questions) };
  });
  const better = rows.filter(({ interval, blind }) => interval[0] > blind);
  return {
    found: `Nobody trained it to classify; by the likelihood of the labels it is surely better than a blind choice in ${better.length} of ${rows.length} tasks (${rows.map(({ task, share, blind }) => `${task}: ${percent(share)} right, ${percent(blind)} blind`).join('; ')}). So it classifies by what it has learned for writing, and no further.`,
    confirmed: better.length > 0,
    tables: [
      [
        ['task', 'right', 'accuracy', '95 % interval', 'blind choice'],
        ...rows.map((r) => [
          ...[r.task, `${r.right} of ${r.questions}`, percent(r.share)],
          ...[r.interval.map((x) => percent(x)).join(' to '), percent(r.blind)],
        ]),
      ],
    ],
    numbers: { rows },
  };
};

/** The first `count` held-out sentences of the form "NAME did SOMETHING." with one name, and for each a wrong name: that of
 * the next sentence by another. The question is "Who did something?". */
function whoQuestions(subject: Subject, count: number) {
  const names = namesIn(subject);
  const text = subject.tokenizer.decode(subject.heldOut);
  const verbs = 'had|made|found|put|took|held|gave|ate|saw|heard|wanted|liked|bought|got|brought|lost';
  const form = new RegExp(`(?<=[.!?"] |\\n)([A-Z][a-z]+) ((?:${verbs}) [a-z ]{8,40})\\.`, 'g');
  const found = [...text.matchAll(form)].filter(([, name]) => names.has(name!));
  return found.slice(0, count).map(([, name, rest], i) => {
    const other = [...found.slice(i), ...found].find(([, another]) => another !== name)![1]!;
    return { name: name!, other, rest: rest! };
  });
}

export const hallucination: Run = async (bench) => {
  const subject = await bench.subject();
  const asked = whoQuestions(subject, 50);
  if (asked.length === 0) throw noPlaces(31);
  type Asked = (typeof asked)[number];
  const sentences: Readonly<Record<string, (q: Asked) => string>> = {
    nothing: () => '',
    'the right sentence': ({ name, rest }) => `${name} ${rest}. `,
    'a wrong sentence': ({ other, rest }) => `${other} ${rest}. `,
  };
  const forms: Readonly<Record<string, (q: Asked) => string>> = {
    'the whole question': ({ rest }) => `"Who ${rest}?" asked the teacher. "I did," said`,
    'a short one': () => `"Who?" "I did," said`,
  };
  const rows = Object.entries(forms).flatMap(([form, question]) =>
    Object.entries(sentences).map(([before, sentence]) => {
      const questions = asked.map(
        (q): Question => ({
          ...{ prompt: `${sentence(q)}${question(q)}`, choices: [`${q.name}.`, `${q.other}.`] },
          ...{ label: 0, where: 'held-out text' },
        }),
      );
      const { raw, answers } = chooseAll(subject, questions);
      const mean = (choice: number) =>
        answers.reduce((sum, a) => sum + a.logProbabilities[choice]!, 0) / answers.length;
      return { form, before, right: raw.right, interval: raw.interval, truth: mean(0), falsehood: mean(1) };
    }),
  );
  const [nothing, right, wrong, , nearRight, nearWrong] = rows;
  const follows = (a = right, b = wrong) => a!.interval[0] > b!.interval[1];
  const used = follows() ? 'It uses what stands before.' : 'The sentence is of no use to it.';
  const near = follows(nearRight, nearWrong)
    ? 'With a question so short that the sentence is near, it follows it, the wrong one as well as the right one'
    : 'Even with a question so short that the sentence is near, it does not follow it';
  return {
    found: `${asked.length} questions such as "Who ${asked[0]!.rest}?", made of held-out sentences. With nothing to go by the model finds the true name likelier than a false one in ${nothing!.right} of ${asked.length}, and states either as readily: ln p is ${decimals(nothing!.truth, 2)} for the true and ${decimals(nothing!.falsehood, 2)} for the false one. With the right sentence before the question it is right in ${right!.right}, with one that names the other in ${wrong!.right}. ${used} ${near}: ${nearRight!.right} and ${nearWrong!.right} of ${asked.length}. What retrieval brings depends on a model that reads back, and then on what is retrieved.`,
    confirmed: nothing!.interval[0] < 0.5 && nothing!.interval[1] > 0.5,
    tables: [
      [
        ['asked', 'after', 'true name likelier', '95 % interval', 'ln p true', 'ln p false'],
        ...rows.map((r) => [
          ...[
            r.form,
            r.before,
            `${r.right} of ${asked.length}`,
            r.interval.map((x) => percent(x)).join(' to '),
          ],
          ...[decimals(r.truth, 2), decimals(r.falsehood, 2)],
        ]),
      ],
    ],
    numbers: { questions: asked.length, rows },
  };
};

export const onlyThePast: Run = () => {
  const { contextLength: T, vocabSize: V } = tiny;
  const { model, buffers } = untrained(tiny, { kernels: reference });
  const logits = (change?: number): Float32Array => {
    for (let t = 0; t < T; t++) buffers.inputs.data[t] = (7 * t + Number(t === change)) % V;
    return Float32Array.from(model.forward(buffers.inputs, { batch: 1, time: T }).data);
  };
  const before = logits();
  let [earlier, moved, later, changed] = [0, 0, 0, 0];
  for (let t = 1; t < T; t++) {
    const after = logits(t);
    for (let i = 0; i < T * V; i++) {
      const differs = Number(!Object.is(after[i], before[i]));
      if (i < t * V) [earlier, moved] = [earlier + 1, moved + differs];
      else [later, changed] = [later + 1, changed + differs];
    }
  }
  return {
    found: `Each of ${T - 1} tokens was changed in turn. Of ${earlier} logits at earlier places ${moved} moved by a bit; of ${later} at the same and later places ${changed} did.`,
    confirmed: moved === 0 && changed > 0.99 * later,
    numbers: { earlier, moved, later, changed },
  };
};

export const threeThings: Run = ({ text }) => {
  const tokenizer = CharTokenizer.train(text);
  const config = { ...tiny, vocabSize: tokenizer.vocabSize };
  const newTokens = 200;
  const options: GenerateOptions = {
    ...{ settings: { temperature: 1 }, maxNewTokens: newTokens, seed: 1, contextPolicy: 'shift', tokenizer },
  };
  const single = untrained(config, { kernels: reference }).model;
  const eight = untrained(config, { kernels: reference, slots: 8 }).model;
  const double = untrained(config, { kernels: reference, precision: 'float64' }).model;
  const write = (
    model = single,
    {
      prompt = 'Anna ',
      rows = 1,
      ...given
    }: Partial<GenerateOptions> & { prompt?: string; rows?: number } = {},
  ): string => {
    const requests = Array.from({ length: rows }, (_, i) => ({
      prompt: tokenizer.encode(prompt),
      stream: i,
    }));
    return generateAll(model, requests, { ...options, ...given })[0]!.text;
  };
  const base = write();
  const cases = [
    { change: 'nothing', text: write() },
    { change: 'seven other texts drawn beside it', text: write(eight, { rows: 8 }) },
    { change: 'the prompt', text: write(single, { prompt: 'Ben ' }) },
    { change: 'a setting: temperature 1.1', text: write(single, { settings: { temperature: 1.1 } }) },
    { change: 'the seed', text: write(single, { seed: 2 }) },
    { change: 'the arithmetic: 64 bits instead of 32', text: write(double) },
  ].map(({ change, text }) => {
    const at = Array.from(base).findIndex((c, i) => c !== text[i]);
    return { change, sameUntil: at === -1 ? newTokens : at };
  });
  const firstLogits = (model: typeof single) => {
    model.cache.truncate(0, 0);
    return Float64Array.from(model.prefill(0, tokenizer.encode('Anna ')).data);
  };
  const [narrow, wide] = [firstLogits(single), firstLogits(double)];
  const off = narrow.reduce((most, z, i) => Math.max(most, Math.abs(z - wide[i]!)), 0);
  const [same, beside, ...others] = cases;
  return {
    found: `Prompt, settings and seed each change the text, and what is drawn beside it does not. But there is a fourth thing, the arithmetic: with numbers of 64 bits the logits differ by up to ${off.toExponential(1)}, and ${others[3]!.sameUntil === newTokens ? `in ${newTokens} characters no draw fell so near the border between two tokens that it mattered` : `the text after ${others[3]!.sameUntil} characters`}. Processors that fuse multiply and add differ in the same way from those that do not. Same arithmetic, then only the three.`,
    confirmed:
      same!.sameUntil === newTokens &&
      beside!.sameUntil === newTokens &&
      others.slice(0, 3).every(({ sameUntil }) => sameUntil < newTokens) &&
      off > 0,
    tables: [
      [
        ['changed', 'same text for'],
        ...cases.map(({ change, sameUntil }) => [
          change,
          sameUntil === newTokens ? `all ${newTokens} characters` : counted(sameUntil, 'character'),
        ]),
      ],
    ],
    numbers: { newTokens, cases, largestDifference: off },
  };
};
