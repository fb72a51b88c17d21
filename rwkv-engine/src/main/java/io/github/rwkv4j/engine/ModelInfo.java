package io.github.rwkv4j.engine;

/**
 * What was opened.
 *
 * @param name file name without its extension; a directory's name for a file called {@code model}
 * @param generation such as {@code RWKV-7}
 * @param layers number of blocks
 * @param embeddingSize width of the residual stream, and of an embedding
 * @param vocabularySize number of token ids, padding included
 * @param parameters number of weights
 * @param weights how the matrices are kept, such as {@code F16} or {@code Q8_0}
 * @param weightBytes memory that the weights take, mapped pages of the file included
 * @param stateBytes size of one session's state: constant, but that RWKV-1 and copy heads (RWKV-2 to RWKV-4) add
 *     a row for each token of the past
 * @param implementation which kernels run, such as {@code CPU, Vector API 512 bit}
 * @param threads number of worker threads
 */
public record ModelInfo(
        String name,
        String generation,
        int layers,
        int embeddingSize,
        int vocabularySize,
        long parameters,
        String weights,
        long weightBytes,
        long stateBytes,
        String implementation,
        int threads) {}
