/** The reference implementation: plain loops, one file per operation pair, with the formula in its header.
 * It runs everywhere and in both precisions, and the fast implementation is tested against it. */
import type { Kernels } from '../kernels.ts';
import { adamw, sumOfSquares } from './adamw.ts';
import { attention, attentionBackward } from './attention.ts';
import { attentionCached } from './attention-cached.ts';
import { crossEntropy, crossEntropyBackward } from './cross-entropy.ts';
import { dropoutMask } from './dropout.ts';
import { add, multiply } from './elementwise.ts';
import { embedding, embeddingBackward } from './embedding.ts';
import { gelu, geluBackward } from './gelu.ts';
import { layernorm, layernormBackward, layernormParametersBackward } from './layernorm.ts';
import { biasBackward, matmul, matmulTransposedA, matmulTransposedB } from './matmul.ts';
import { newtonSchulz } from './newton-schulz.ts';
import { qkNorm, qkNormBackward, qkNormParametersBackward } from './qk-norm.ts';
import { rmsnorm, rmsnormBackward, rmsnormParametersBackward } from './rmsnorm.ts';
import { rope, ropeBackward } from './rope.ts';
import { swiglu, swigluBackward } from './swiglu.ts';
import { weightedSum } from './weighted-sum.ts';

export const reference: Kernels = {
  name: 'reference',
  memory: { reserve: (bytes) => ({ buffer: new ArrayBuffer(bytes), byteOffset: 0 }) },
  record(compute) {
    compute();
    return compute;
  },
  freeze() {},
  matmul,
  matmulTransposedB,
  matmulTransposedA,
  biasBackward,
  add,
  multiply,
  weightedSum,
  embedding,
  embeddingBackward,
  layernorm,
  layernormBackward,
  layernormParametersBackward,
  rmsnorm,
  rmsnormBackward,
  rmsnormParametersBackward,
  qkNorm,
  qkNormBackward,
  qkNormParametersBackward,
  rope,
  ropeBackward,
  swiglu,
  swigluBackward,
  gelu,
  geluBackward,
  attention,
  attentionBackward,
  attentionCached,
  crossEntropy,
  crossEntropyBackward,
  dropoutMask,
  sumOfSquares,
  newtonSchulz,
  adamw,
};
