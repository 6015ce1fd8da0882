/** All views, in the order of their tabs. A new one is a file beside this and a line here. */
import type { View } from '../lab.ts';
import { inside } from './inside.ts';
import { judge } from './judge.ts';
import { nextToken } from './next-token.ts';
import { path } from './path.ts';
import { product } from './product.ts';
import { tokens } from './tokens.ts';
import { train } from './train.ts';
import { tree } from './tree.ts';
import { write } from './write.ts';

export const views: readonly View[] = [train, nextToken, write, inside, product, tree, tokens, judge, path];
