package io.github.rwkv4j.engine.format;

import java.util.Comparator;
import java.util.List;

/** The bytes {@code begin} to {@code end} (exclusive) of a file, and what lies there. */
record Range(String name, long begin, long end) {

    /** Refuses overlaps, by which a small file can pose as a large one; empty ranges overlap nothing. */
    static void requireDisjoint(List<Range> ranges) {
        List<Range> sorted = ranges.stream()
                .filter(range -> range.begin < range.end)
                .sorted(Comparator.comparingLong(Range::begin))
                .toList();
        for (int i = 1; i < sorted.size(); i++) {
            Range before = sorted.get(i - 1);
            Range range = sorted.get(i);
            if (range.begin < before.end) {
                throw CheckpointReader.damaged(
                        "%s starts at byte %d, inside %s, which ends at %d; expected each part to have its own bytes"
                                .formatted(
                                        CheckpointReader.quoted(range.name),
                                        range.begin,
                                        CheckpointReader.quoted(before.name),
                                        before.end));
            }
        }
    }
}
