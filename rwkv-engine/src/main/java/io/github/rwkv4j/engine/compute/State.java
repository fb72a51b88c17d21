package io.github.rwkv4j.engine.compute;

/** One session's recurrent state on a device, laid out by a {@link StateLayout}. Closing frees it; idempotent. */
public interface State extends AutoCloseable {
    StateLayout layout();

    /** How many numbers it holds now: the layout's parts, then the rows of its history. */
    int size();

    @Override
    void close();
}
