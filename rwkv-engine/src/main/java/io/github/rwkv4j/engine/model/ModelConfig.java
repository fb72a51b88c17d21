package io.github.rwkv4j.engine.model;

import io.github.rwkv4j.engine.weights.DType;

/**
 * The sizes of a network, read from the shapes of its parameters.
 *
 * @param layers number of blocks
 * @param embeddingSize width C of the residual stream
 * @param heads number of heads
 * @param headSize width N of a head
 * @param ffnSize width of the channel mixing's hidden layer
 * @param vocabularySize number of token ids, padding included
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
        long parameters,
        DType weights) {}
