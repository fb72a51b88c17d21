/** Checkpoint files (safetensors, PyTorch .pth, GGUF, rwkv.cpp .bin), memory-mapped and checked before anything is allocated for them. */
@NullMarked
package io.github.rwkv4j.engine.format;

import org.jspecify.annotations.NullMarked;
