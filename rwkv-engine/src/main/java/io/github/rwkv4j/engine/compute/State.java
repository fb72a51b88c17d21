package io.github.rwkv4j.engine.compute;

/** One session's recurrent state on a device, laid out by a {@link StateLayout}. Closing frees it; idempotent. */
public interface State extends AutoCloseable {
    StateLayout layout();

    @Override
    void close();
}
