@NullMarked
package io.github.rwkv4j.spring.state;

import org.jspecify.annotations.NullMarked;
