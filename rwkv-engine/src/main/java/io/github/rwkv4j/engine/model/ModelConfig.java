package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.weights.DType;

/**
 * The sizes of a network, read from the shapes of its parameters.
 *
 * @param layers number of blocks
 * @param embeddingSize width C of the residual stream
 * @param heads number of heads; 0 in RWKV-2 to RWKV-4, where each channel decays by itself
 * @param headSize width N of a head; 0 where there are none
 * @param ffnSize width of the channel mixing's hidden layer
 * @param vocabularySize number of token ids, padding included
 * @param contextLength most tokens that a session's past may have, in RWKV-1; 0 where there is no end
 * @param parameters number of weights
 * @param weights element type of the large matrices in the file
 */
public record ModelConfig(
        Architecture architecture,
        int layers,
        int embeddingSize,
        int heads,
        int headSize,
        int ffnSize,
        int vocabularySize,
        int contextLength,
        long parameters,
        DType weights) {
    /** Width of keys and values where there are heads. */
    int attentionSize() {
        return heads * headSize;
    }
}
