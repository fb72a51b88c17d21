package io.github.rwkv4j.engine.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.opentest4j.TestAbortedException;

/** The table in docs/support.md is what the tests of this build have shown. */
class SupportTableIT {
    @Test
    void documentationClaimsWhatTestsRan() throws IOException {
        SupportTable table = SupportTable.of(Repository.path("rwkv-engine/target/surefire-reports"));
        if (!table.isComplete() && !Boolean.parseBoolean(System.getenv("CI"))) {
            throw new TestAbortedException(
                    "needs reports of a whole build, with ../shared, a C compiler and the Vector API");
        }
        assertThat(Files.readString(Repository.path("rwkv-engine/docs/support.md")))
                .contains(table.markdown());
    }
}
