/** What a view is, and what it gets. */
import type { Address } from './address.ts';
import type { Engine } from './engine/client.ts';
import type { Machine } from './engine/protocol.ts';
import type { Session } from './session.ts';

export interface View {
  /** In the address: 'next-token'. */
  readonly id: string;
  readonly title: string;
  /** What to do here, in one sentence. */
  readonly instruction: string;
  /** The file that computes what is shown: 'src/sample/sampler.ts'. */
  readonly source: string;
  /** A style sheet of its own, if it needs more than style.ts has. */
  readonly style?: string;
  /** Draws the view into an empty element. Returns what ends it: listeners, streams. */
  mount(element: HTMLElement, lab: Lab): () => void;
}

export interface Lab {
  /** Computes; see protocol.ts for all that it can be asked. */
  readonly engine: Engine;
  /** The model at hand and its training, shared by all views. */
  readonly session: Session;
  /** What is set, kept in the link. */
  readonly address: Address;
  readonly machine: Machine;
  /** A page that is one file has its model in it, and no server to ask. */
  readonly home: 'server' | 'file';
  /** The texts and runs that the server has; none without one. A path is what a run calls its text. */
  readonly texts: readonly { readonly name: string; readonly path: string }[];
  readonly runs: readonly string[];
  /** Fetches a text of the server's. */
  text(name: string): Promise<string>;
  /** Fetches a run of the server's. */
  run(name: string): Promise<ReadonlyMap<string, Uint8Array>>;
}
