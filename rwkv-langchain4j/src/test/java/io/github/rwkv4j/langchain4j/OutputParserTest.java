package io.github.rwkv4j.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OutputParserTest {
    /** Each output, cut at every two places into three chunks, gives the same parts, and its pieces add up to them. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    # mode  | output                                      | thinking           | answer
                    OFF     | ' Hello, you.'                              | ''                 | Hello, you.
                    OFF     | '  two  words \\n'                          | ''                 | two  words
                    OFF     | ' a > b </think> c'                         | ''                 | a > b </think> c
                    OFF     | ''                                          | ''                 | ''
                    ON      | '>\\n2 and 2.\\n</think>\\n4.'              | 2 and 2.           | 4.
                    ON      | '>one\\n\\ntwo </think> 4 </think> 5'       | one\\n\\ntwo       | 4 </think> 5
                    ON      | '> a < b, </b> and </thin </think> yes'     | a < b, </b> and </thin | yes
                    ON      | 'no bracket</think>4'                       | no bracket         | 4
                    ON      | '>> quoted</think>4'                        | > quoted           | 4
                    ON      | '></think>4'                                | ''                 | 4
                    ON      | '>still thinking \\n'                       | still thinking     | ''
                    ON      | '>still thinking </thi'                     | still thinking </thi | ''
                    ON      | '>thought</think>\\n'                       | thought            | ''
                    ON      | ''                                          | ''                 | ''
                    SHORT   | '>quick</think> 4'                          | quick              | 4
                    SKIPPED | '>\\n4 > 3'                                 | ''                 | 4 > 3
                    SKIPPED | ' 4'                                        | ''                 | 4
                    ON      | '>Gänse 🪿</think> 🪿!'                     | Gänse 🪿           | 🪿!
                    """)
    void findsTheSamePartsHoweverTheOutputComes(Thinking mode, String output, String thinking, String answer) {
        String text = output.translateEscapes();
        for (int first = 0; first <= text.length(); first++) {
            for (int second = first; second <= text.length(); second++) {
                Pieces pieces = new Pieces();
                OutputParser parser = new OutputParser(mode, pieces);
                parser.accept(text.substring(0, first));
                parser.accept(text.substring(first, second));
                parser.accept(text.substring(second));
                parser.finish();

                assertThat(parser.thinking()).isEqualTo(thinking.translateEscapes());
                assertThat(parser.answer()).isEqualTo(answer.translateEscapes());
                assertThat(String.join("", pieces.thinking)).isEqualTo(parser.thinking());
                assertThat(String.join("", pieces.answer)).isEqualTo(parser.answer());
                assertThat(pieces.answer).noneMatch(String::isEmpty);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"OFF, ' 1 2 3'", "ON, '>1 2 3'"})
    void emitsTextAsSoonAsItCannotChange(Thinking mode, String output) {
        Pieces pieces = new Pieces();
        OutputParser parser = new OutputParser(mode, pieces);

        output.chars().forEach(character -> parser.accept(Character.toString(character)));

        assertThat(mode.isOpen() ? pieces.thinking : pieces.answer).containsExactly("1", " 2", " 3");
    }

    private static final class Pieces implements OutputParser.Sink {
        private final List<String> thinking = new ArrayList<>();
        private final List<String> answer = new ArrayList<>();

        @Override
        public void thinking(String text) {
            thinking.add(text);
        }

        @Override
        public void answer(String text) {
            answer.add(text);
        }
    }
}
