package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.rwkv4j.engine.errors.SnapshotException;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PastNoteTest {
    private static final PastNote START = PastNote.start("talk", false, "System: Be brief.\n\n");

    @Test
    void isReadAsItWasWritten() {
        PastNote note = START.with(turns(0, 5));

        PastNote read = PastNote.decode(note.encode()).orElseThrow();

        assertThat(read.conversation()).isEqualTo("talk");
        assertThat(read.count()).isEqualTo(5);
        assertThat(read.encode()).isEqualTo(note.encode());
        assertThat(PastNote.decode(new byte[0])).isEmpty();
    }

    @Test
    void knowsItsOwnEnd() {
        PastNote note = START.with(turns(0, 5));

        for (int from = 0; from < 5; from++) {
            PastNote visible = START.with(turns(from, 5));
            assertThat(note.endsWith(visible)).isTrue();
            assertThat(note.isAllOf(visible)).isEqualTo(from == 0);
        }
        assertThat(note.endsWith(START.with(turns(0, 4)))).isFalse();
        assertThat(note.endsWith(START.with(turns(1, 6)))).isFalse();
        assertThat(note.endsWith(START.with(turns(-1, 5)))).isFalse();
        assertThat(note.hasSystemOf(PastNote.start("", false, "System: Be brief.\n\n")))
                .isTrue();
        assertThat(note.hasSystemOf(PastNote.start("", false, ""))).isFalse();
        assertThat(note.hasSystemOf(PastNote.start("", true, "System: Be brief.\n\n")))
                .isFalse();
    }

    @Test
    void growsTurnByTurnAsAtOnce() {
        PastNote note = START;
        for (int turn = 0; turn < 3000; turn += 2) {
            note = note.with(turns(turn, turn + 2));
        }

        assertThat(note.encode()).isEqualTo(START.with(turns(0, 3000)).encode()).hasSizeLessThan(17_000);
    }

    @Test
    void knowsTheLastThousandTurnsOrAll() {
        PastNote note = START.with(turns(0, 3000));

        assertThat(note.endsWith(START.with(turns(3000 - 1024, 3000)))).isTrue();
        assertThat(note.endsWith(START.with(turns(0, 3000)))).isTrue();
        // More than it knows, and not all: better read again.
        assertThat(note.endsWith(START.with(turns(1000, 3000)))).isFalse();
    }

    @Test
    void isRefusedWhenDamaged() {
        byte[] whole = START.with(turns(0, 3)).encode();

        for (int length = 1; length < whole.length; length++) {
            byte[] cut = Arrays.copyOf(whole, length);
            assertThatThrownBy(() -> PastNote.decode(cut)).isExactlyInstanceOf(SnapshotException.class);
        }
        byte[] newer = whole.clone();
        newer[0] = 2;
        assertThatThrownBy(() -> PastNote.decode(newer))
                .isExactlyInstanceOf(SnapshotException.class)
                .hasMessageContaining("format 2");
    }

    private static List<Prompt.Turn> turns(int from, int to) {
        return IntStream.range(from, to)
                .mapToObj(i -> new Prompt.Turn("", "User: %d\n\n".formatted(i)))
                .toList();
    }
}
