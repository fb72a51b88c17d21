/** Stores of states that several replicas of an application share. */
@NullMarked
package io.github.rwkv4j.spring.state;

import org.jspecify.annotations.NullMarked;
