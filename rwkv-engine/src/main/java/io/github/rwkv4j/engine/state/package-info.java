/** A conversation's past as data: taken from a session, stored, found again and continued. */
@org.jspecify.annotations.NullMarked
package io.github.rwkv4j.engine.state;
