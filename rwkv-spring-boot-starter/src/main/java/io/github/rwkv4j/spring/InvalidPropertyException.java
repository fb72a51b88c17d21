package io.github.rwkv4j.spring;

import io.github.rwkv4j.engine.errors.RwkvException;

/** A property of {@code rwkv.*} has a value that it can't have. */
public final class InvalidPropertyException extends RwkvException {
    private static final long serialVersionUID = 1L;

    private final String property;

    InvalidPropertyException(String property, Object value, String expected) {
        super("The property %s is %s but must be %s".formatted(property, value, expected));
        this.property = property;
    }

    /** Its full name, such as {@code rwkv.max-sessions}. */
    public String property() {
        return property;
    }
}
