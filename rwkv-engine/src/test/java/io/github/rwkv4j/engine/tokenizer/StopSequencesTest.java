package io.github.rwkv4j.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopSequencesTest {
    private static StopSequences stops(String... stops) {
        return new StopSequences(List.of(stops), Optional.empty());
    }

    @Test
    void holdsBackWhatMayBecomeAStopSequence() {
        StopSequences stops = stops("\n\nUser:");
        assertThat(stops.append("Hello.\n")).isEqualTo("Hello.");
        assertThat(stops.append("\nUs")).isEmpty();
        assertThat(stops.append("e it\n")).isEqualTo("\n\nUse it");
        assertThat(stops.append("\nUser")).isEmpty();
        assertThat(stops.append(": hi")).isEmpty();
        assertThat(stops.stopped()).isTrue();
        assertThat(stops.append("more")).isEmpty();
        assertThat(stops.finish()).isEmpty();
    }

    @Test
    void givesBackWhatWasHeldAtTheEnd() {
        StopSequences stops = stops("abc");
        assertThat(stops.append("xab")).isEqualTo("x");
        assertThat(stops.finish()).isEqualTo("ab");
        assertThat(stops.finish()).isEmpty();
        assertThat(stops.stopped()).isFalse();
    }

    @Test
    void waitsForAnEarlierMatchThatIsStillOpen() {
        StopSequences earlier = stops("abcd", "bc");
        assertThat(earlier.append("xabc")).isEqualTo("x");
        assertThat(earlier.append("d")).isEmpty();
        assertThat(earlier.stopped()).isTrue();

        StopSequences later = stops("abcd", "bc");
        assertThat(later.append("xabc")).isEqualTo("x");
        assertThat(later.append("y")).isEqualTo("a");
        assertThat(later.stopped()).isTrue();

        StopSequences atTheEnd = stops("abcd", "bc");
        assertThat(atTheEnd.append("xabc")).isEqualTo("x");
        assertThat(atTheEnd.finish()).isEqualTo("a");
        assertThat(atTheEnd.stopped()).isTrue();
    }

    @Test
    void ignoresStopSequencesUntilTheMarker() {
        StopSequences stops = new StopSequences(List.of("\n\n"), Optional.of("</think>"));
        assertThat(stops.append("a\n\nb</thi")).isEqualTo("a\n\nb</thi");
        assertThat(stops.append("nk>\n")).isEqualTo("nk>");
        assertThat(stops.append("c</think>\n\nd")).isEqualTo("\nc</think>");
        assertThat(stops.stopped()).isTrue();
    }

    @Test
    void withoutStopSequencesHoldsNothingBack() {
        assertThat(stops().append("abc")).isEqualTo("abc");
    }

    @Test
    void agreesWithASearchInTheWholeTextForAnyCuts() {
        int stopped = 0;
        for (int seed = 0; seed < 50_000; seed++) {
            Random random = new Random(seed);
            String text = word(random, 0, 30);
            List<String> stops = random.ints(random.nextInt(4), 0, 1)
                    .mapToObj(i -> word(random, 1, 5))
                    .toList();
            Optional<String> marker = random.nextBoolean() ? Optional.empty() : Optional.of(word(random, 1, 3));

            StopSequences streaming = new StopSequences(stops, marker);
            StringBuilder released = new StringBuilder();
            for (int at = 0; at < text.length(); ) {
                int end = Math.min(text.length(), at + random.nextInt(6));
                released.append(streaming.append(text.substring(at, end)));
                at = end;
            }
            released.append(streaming.finish());

            String expected = untilStop(text, stops, marker);
            assertThat(released.toString()).as("seed %d", seed).isEqualTo(expected);
            assertThat(streaming.stopped()).isEqualTo(expected.length() < text.length());
            stopped += streaming.stopped() ? 1 : 0;
        }
        assertThat(stopped).isBetween(5_000, 45_000);
    }

    private static String untilStop(String text, List<String> stops, Optional<String> marker) {
        int from = marker.map(m -> text.contains(m) ? text.indexOf(m) + m.length() : text.length())
                .orElse(0);
        int end = stops.stream()
                .mapToInt(stop -> text.indexOf(stop, from))
                .filter(found -> found >= 0)
                .min()
                .orElse(text.length());
        return text.substring(0, end);
    }

    private static String word(Random random, int least, int most) {
        StringBuilder word = new StringBuilder();
        for (int i = least + random.nextInt(most - least + 1); i > 0; i--) {
            word.append((char) ('a' + random.nextInt(3)));
        }
        return word.toString();
    }
}
