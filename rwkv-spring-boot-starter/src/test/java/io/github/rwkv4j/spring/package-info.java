@NullMarked
package io.github.rwkv4j.spring;

import org.jspecify.annotations.NullMarked;
