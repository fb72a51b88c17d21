package io.github.rwkv4j.spring.state;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.IntPredicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.springframework.util.FileSystemUtils;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;

/**
 * A PostgreSQL or Redis server on one port for its whole life, which a test kills and starts again: a container where
 * Docker answers, else the machine's own binary. Where there is neither, the test is skipped, and on CI it fails.
 */
public abstract class RealServer implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    final int port = freePort();

    /** Starts a server with an empty database {@code postgres}, whose user {@code postgres} needs no password. */
    public static RealServer postgresql() {
        return started(
                docker()
                        ? new ContainerServer(
                                new GenericContainer<>("postgres:17-alpine")
                                        .withEnv("POSTGRES_HOST_AUTH_METHOD", "trust"),
                                5432,
                                RealServer::postgresqlAnswers)
                        : new LocalPostgresql(found("pg_ctl", "PostgreSQL", "/usr/lib/postgresql")));
    }

    /** Starts a server that writes every command to its disk before it answers. */
    public static RealServer redis() {
        return started(
                docker()
                        ? new ContainerServer(
                                new GenericContainer<>("redis:7-alpine")
                                        .withCommand("redis-server", "--appendonly", "yes", "--appendfsync", "always"),
                                6379,
                                RealServer::redisAnswers)
                        : new LocalRedis(found("redis-server", "Redis", "/usr/local/bin")));
    }

    private static boolean docker() {
        return DockerClientFactory.instance().isDockerAvailable();
    }

    public int port() {
        return port;
    }

    /** Where a {@code DataSource} finds it, if it is PostgreSQL. */
    public String jdbcUrl() {
        return jdbcUrl(port);
    }

    /** Starts it, with what it had on its disk, and returns when it answers. */
    public final void start() {
        launch();
        Instant end = Instant.now().plus(PATIENCE);
        while (!answers()) {
            if (Instant.now().isAfter(end)) {
                throw new AssertionError("The server on port %d does not answer".formatted(port));
            }
            sleep();
        }
    }

    abstract void launch();

    abstract boolean answers();

    /** Stops it at once, in the middle of whatever it does. */
    public abstract void kill();

    /** Kills it and removes its data. */
    @Override
    public abstract void close();

    private static RealServer started(RealServer server) {
        Runtime.getRuntime().addShutdownHook(new Thread(server::close));
        server.start();
        return server;
    }

    private static final class LocalPostgresql extends RealServer {
        private final Path pgCtl;
        private final Path data = temporaryFolder("postgresql");
        private final boolean root = "root".equals(System.getProperty("user.name"));

        LocalPostgresql(Path pgCtl) {
            this.pgCtl = pgCtl;
            if (root) { // as which PostgreSQL refuses to run
                succeed(List.of("chown", "postgres", data.toString()));
            }
            run("initdb", "-D", data.toString(), "-U", "postgres", "-A", "trust", "-E", "UTF8");
        }

        @Override
        void launch() {
            String options = "-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories=''".formatted(port);
            run("pg_ctl", "-D", data.toString(), "-w", "-l", data + "/log", "-o", options, "start");
        }

        @Override
        boolean answers() {
            return postgresqlAnswers(port);
        }

        @Override
        public void kill() {
            run("pg_ctl", "-D", data.toString(), "-w", "-m", "immediate", "stop");
        }

        @Override
        public void close() {
            if (Files.exists(data.resolve("postmaster.pid"))) {
                kill();
            }
            remove(data);
        }

        private void run(String program, String... arguments) {
            List<String> command = new ArrayList<>(root ? List.of("runuser", "-u", "postgres", "--") : List.of());
            command.add(pgCtl.resolveSibling(program).toString());
            command.addAll(List.of(arguments));
            succeed(command);
        }
    }

    private static final class LocalRedis extends RealServer {
        private final Path binary;
        private final Path data = temporaryFolder("redis");
        private Optional<Process> process = Optional.empty();

        LocalRedis(Path binary) {
            this.binary = binary;
        }

        @Override
        void launch() {
            process = Optional.of(process(List.of(
                    binary.toString(),
                    "--port",
                    String.valueOf(port),
                    "--bind",
                    "127.0.0.1",
                    "--dir",
                    data.toString(),
                    "--save",
                    "",
                    "--appendonly",
                    "yes",
                    "--appendfsync",
                    "always")));
        }

        @Override
        boolean answers() {
            return redisAnswers(port);
        }

        @Override
        public void kill() {
            process.ifPresent(running -> waitFor(running.destroyForcibly()));
        }

        @Override
        public void close() {
            kill();
            remove(data);
        }
    }

    private static final class ContainerServer extends RealServer {
        private final GenericContainer<?> container;
        private final IntPredicate answers;

        ContainerServer(GenericContainer<?> container, int containerPort, IntPredicate answers) {
            container.setPortBindings(List.of("%d:%d".formatted(port, containerPort)));
            this.container = container;
            this.answers = answers;
        }

        @Override
        boolean answers() {
            return answers.test(port);
        }

        @Override
        void launch() {
            if (container.getContainerId() == null) {
                container.start();
            } else {
                container
                        .getDockerClient()
                        .startContainerCmd(container.getContainerId())
                        .exec();
            }
        }

        @Override
        public void kill() {
            container
                    .getDockerClient()
                    .killContainerCmd(container.getContainerId())
                    .exec();
        }

        @Override
        public void close() {
            container.stop();
        }
    }

    private static String jdbcUrl(int port) {
        return "jdbc:postgresql://localhost:%d/postgres?user=postgres".formatted(port);
    }

    private static boolean postgresqlAnswers(int port) {
        try (var connection = DriverManager.getConnection(jdbcUrl(port))) {
            return connection.isValid(1);
        } catch (SQLException e) {
            return false;
        }
    }

    private static boolean redisAnswers(int port) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            socket.getOutputStream().write("PING\r\n".getBytes(US_ASCII));
            return new String(socket.getInputStream().readNBytes(5), US_ASCII).equals("+PONG");
        } catch (IOException e) {
            return false;
        }
    }

    /** The program on the PATH or somewhere under {@code folder}. */
    private static Path found(String program, String server, String folder) {
        try (Stream<Path> installed = Files.exists(Path.of(folder)) ? Files.walk(Path.of(folder), 3) : Stream.empty()) {
            Optional<Path> found = Stream.concat(
                            Stream.of(System.getenv("PATH").split(Pattern.quote(File.pathSeparator)))
                                    .map(path -> Path.of(path, program)),
                            installed.filter(path -> path.endsWith(program)).sorted(Comparator.reverseOrder()))
                    .filter(Files::isExecutable)
                    .findFirst();
            String missing = "Docker does not answer, and %s (%s) is not installed".formatted(server, program);
            if (found.isEmpty() && "true".equals(System.getenv("CI"))) {
                throw new AssertionError(missing + ", but CI must run this test");
            }
            Assumptions.assumeTrue(found.isPresent(), missing);
            return found.orElseThrow();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static Path temporaryFolder(String name) {
        try {
            return Files.createTempDirectory(Path.of("/tmp"), name);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static Process process(List<String> command) {
        try {
            return new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .directory(new File("/"))
                    .start();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void succeed(List<String> command) {
        int status = waitFor(process(command));
        if (status != 0) {
            throw new AssertionError("%s ended with status %d".formatted(String.join(" ", command), status));
        }
    }

    private static int waitFor(Process process) {
        try {
            if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("%s does not end".formatted(process.info()));
            }
            return process.exitValue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void remove(Path folder) {
        try {
            FileSystemUtils.deleteRecursively(folder);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void sleep() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
