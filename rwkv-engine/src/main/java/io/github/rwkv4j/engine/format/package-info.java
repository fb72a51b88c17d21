/** Checkpoint files (safetensors, PyTorch .pth), memory-mapped and checked before anything is allocated for them. */
@NullMarked
package io.github.rwkv4j.engine.format;

import org.jspecify.annotations.NullMarked;
