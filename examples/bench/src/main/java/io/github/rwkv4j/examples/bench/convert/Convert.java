package io.github.rwkv4j.examples.bench.convert;

import io.github.rwkv4j.engine.format.Checkpoint;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Converts a checkpoint. */
@Command(
        name = "convert",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description = {
            "Writes a checkpoint, whatever its format, in another type, with the official parameter names:",
            "f32, f16 and bf16 as .safetensors (RWKV-1 to RWKV-7), q8_0 and q4_0 as rwkv.cpp's .bin (RWKV-4 to RWKV-7).",
            "A vocabulary stays where it is: copy it beside the new file."
        })
public final class Convert implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "IN", description = "Checkpoint to read.")
    private Path in = Path.of("");

    @Parameters(index = "1", paramLabel = "OUT", description = "File to write.")
    private Path out = Path.of("");

    @Option(
            names = "--to",
            required = true,
            paramLabel = "TYPE",
            description = "${COMPLETION-CANDIDATES}.",
            converter = TypeConverter.class,
            completionCandidates = TypeConverter.class)
    private WeightType type = WeightType.F16;

    @Option(names = "--force", description = "Replace OUT if it exists.")
    private boolean force;

    @Override
    public Integer call() throws IOException {
        String extension = type.isQuantized() ? ".bin" : ".safetensors";
        String name = out.getFileName() == null ? "" : out.getFileName().toString();
        if (!name.endsWith(extension)) {
            throw new IllegalArgumentException("OUT is %s, but %s is written to a %s file: name it so"
                    .formatted(out, type.name().toLowerCase(Locale.ROOT), extension));
        }
        requireFree();
        try (Checkpoint checkpoint = Checkpoint.open(in)) {
            Container container = type.isQuantized() ? RwkvCpp.of(checkpoint, type) : Safetensors.of(checkpoint, type);
            // Under another name first: whoever opens OUT never sees half of it.
            Path part = out.resolveSibling(
                    ".%s.%08x.part".formatted(name, ThreadLocalRandom.current().nextInt()));
            try {
                write(container, part);
                requireFree();
                Files.move(part, out, StandardCopyOption.ATOMIC_MOVE);
            } finally {
                Files.deleteIfExists(part);
            }
        }
        return 0;
    }

    private void requireFree() throws IOException {
        Path folder = out.toAbsolutePath().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            throw new NoSuchFileException(out + ": there is no such folder; make it first");
        }
        if (Files.exists(out) && !force) {
            throw new FileAlreadyExistsException(
                    out + ": exists already; name another file, or replace it with --force");
        }
    }

    private void write(Container container, Path part) throws IOException {
        long bytes = container.pieces().stream().mapToLong(Piece::bytes).sum();
        try (FileChannel file = FileChannel.open(part, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                ProgressBar progress = new ProgressBarBuilder()
                        .setTaskName("Writing")
                        .setInitialMax(bytes)
                        .setUnit(" MiB", 1 << 20)
                        .setStyle(ProgressBarStyle.ASCII)
                        .build()) {
            container.writeHeader(file);
            for (Piece piece : container.pieces()) {
                container.writeHeader(piece, file);
                piece.writeTo(file);
                progress.stepBy(piece.bytes());
            }
            file.force(true);
        }
    }
}
