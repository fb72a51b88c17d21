package io.github.rwkv4j.engine.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/**
 * Generation × format × kernels, from the reports of the tests that hold logits against the originals'. They display their
 * cell: {@code v5.2 trained, rwkv.cpp FP16, native kernels}.
 */
public final class SupportTable {
    private static final Pattern CELL =
            Pattern.compile("\\) (v[0-9.]+)(-ffnpre)?( trained)?, ([^,]+), (scalar Java|Vector API|native kernels)$");
    private static final List<String> KERNELS = List.of("scalar Java", "Vector API", "native kernels");

    private record Row(String generation, String format) implements Comparable<Row> {
        @Override
        public int compareTo(Row other) {
            int order = generation.compareTo(other.generation);
            return order == 0 ? format.compareTo(other.format) : order;
        }
    }

    /** By row and kernels: what was held, {@code golden}, {@code trained} or both. */
    private final SortedMap<Row, Map<String, Set<String>>> cells = new TreeMap<>();

    private final Set<String> testClasses = new TreeSet<>();
    private boolean skipped;

    private SupportTable() {}

    /**
     * Reads a module's reports.
     *
     * @throws AssertionError if a test behind a cell failed
     */
    static SupportTable of(Path reports) throws IOException {
        SupportTable table = new SupportTable();
        List<Path> files;
        try (Stream<Path> all = Files.list(reports)) {
            files = all.filter(file -> file.getFileName()
                            .toString()
                            .matches("TEST-.*\\.model\\.(\\w*Golden|TrainedModel)Test.*\\.xml"))
                    .sorted()
                    .toList();
        }
        for (Path file : files) {
            table.read(file);
        }
        return table;
    }

    private void read(Path report) throws IOException {
        NodeList tests;
        try {
            tests = DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(report.toFile())
                    .getElementsByTagName("testcase");
        } catch (ParserConfigurationException | SAXException e) {
            throw new IOException(report + " is no test report", e);
        }
        for (int i = 0; i < tests.getLength(); i++) {
            Element test = (Element) tests.item(i);
            Matcher cell = CELL.matcher(test.getAttribute("name"));
            if (!cell.find()) {
                continue;
            }
            testClasses.add(test.getAttribute("classname"));
            if (test.getElementsByTagName("skipped").getLength() > 0) {
                skipped = true;
                continue;
            }
            if (test.getElementsByTagName("failure").getLength() > 0
                    || test.getElementsByTagName("error").getLength() > 0) {
                throw new AssertionError("%s failed".formatted(test.getAttribute("name")));
            }
            cells.computeIfAbsent(new Row(cell.group(1), cell.group(4)), _ -> new LinkedHashMap<>())
                    .computeIfAbsent(cell.group(5), _ -> new TreeSet<>())
                    .add(cell.group(3) == null ? "golden" : "trained");
        }
    }

    /** Whether all the tests ran on all kernels, so that nothing is missing from the table. */
    boolean isComplete() {
        boolean onAllKernels =
                KERNELS.stream().allMatch(kernels -> cells.values().stream().anyMatch(row -> row.containsKey(kernels)));
        return onAllKernels && testClasses.size() == 3 && !skipped;
    }

    /** As Markdown. */
    String markdown() {
        return Stream.concat(
                        Stream.of(
                                "| generation | format | " + String.join(" | ", KERNELS) + " |",
                                "|---|---|---|---|---|"),
                        cells.entrySet().stream()
                                .map(row -> "| %s | %s | %s |"
                                        .formatted(
                                                row.getKey().generation(),
                                                row.getKey().format(),
                                                KERNELS.stream()
                                                        .map(kernels -> String.join(
                                                                ", ",
                                                                row.getValue().getOrDefault(kernels, Set.of())))
                                                        .collect(Collectors.joining(" | ")))))
                .collect(Collectors.joining("\n"));
    }

    /** Prints the table of the last build's reports. */
    public static void main(String[] arguments) throws IOException {
        System.out.println(
                of(Repository.path("rwkv-engine/target/surefire-reports")).markdown());
    }
}
