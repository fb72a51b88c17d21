/** RWKV models as beans of a Spring Boot application. */
@NullMarked
package io.github.rwkv4j.spring;

import org.jspecify.annotations.NullMarked;
