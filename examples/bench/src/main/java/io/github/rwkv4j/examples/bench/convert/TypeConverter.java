package io.github.rwkv4j.examples.bench.convert;

import java.util.Arrays;
import java.util.Iterator;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Types by their names in small letters. */
final class TypeConverter implements ITypeConverter<WeightType>, Iterable<String> {
    private static Stream<String> names() {
        return Arrays.stream(WeightType.values()).map(type -> type.name().toLowerCase(Locale.ROOT));
    }

    @Override
    public WeightType convert(String name) {
        return Arrays.stream(WeightType.values())
                .filter(type -> type.name().equalsIgnoreCase(name))
                .findFirst()
                .orElseThrow(() -> new TypeConversionException(
                        "'%s' is none of %s".formatted(name, names().collect(Collectors.joining(", ")))));
    }

    @Override
    public Iterator<String> iterator() {
        return names().iterator();
    }
}
