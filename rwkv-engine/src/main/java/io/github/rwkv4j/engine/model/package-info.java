/** The networks themselves, one file per RWKV generation, written once for every device. */
@NullMarked
package io.github.rwkv4j.engine.model;

import org.jspecify.annotations.NullMarked;
