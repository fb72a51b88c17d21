package io.github.rwkv4j.engine.tokenizer;

import java.util.Arrays;

/**
 * A trie over bytes in flat arrays. Nodes are numbered breadth first and siblings in the order of their bytes, so the
 * children of node n are {@code firstChild[n]} to {@code firstChild[n + 1] - 1}: nine bytes a node, and a child is
 * found by bisection; those of the root, by a table.
 */
final class ByteTrie {
    private final byte[] label;
    private final int[] firstChild;

    /** The token that ends at a node; 0, which has no bytes, where none does. */
    private final int[] token;

    /** The root's child for a byte, -1 where no token begins with it. */
    private final int[] first = new int[256];

    /**
     * @param tokens the bytes of each token, by id
     * @param sorted the ids to match, by their bytes in unsigned lexicographic order, without duplicates
     */
    ByteTrie(byte[][] tokens, int[] sorted) {
        int nodes = countNodes(tokens, sorted);
        label = new byte[nodes];
        firstChild = new int[nodes + 1];
        token = new int[nodes];

        // A node's tokens, those that begin with the bytes on its path, are one range of the sorted ids.
        int[] from = new int[nodes];
        int[] to = new int[nodes];
        int[] depth = new int[nodes];
        to[0] = sorted.length;
        int next = 1;
        for (int node = 0; node < nodes; node++) {
            firstChild[node] = next;
            int at = from[node];
            int d = depth[node];
            if (tokens[sorted[at]].length == d) {
                token[node] = sorted[at++];
            }
            while (at < to[node]) {
                byte b = tokens[sorted[at]][d];
                label[next] = b;
                depth[next] = d + 1;
                from[next] = at;
                while (at < to[node] && tokens[sorted[at]][d] == b) {
                    at++;
                }
                to[next++] = at;
            }
        }
        firstChild[nodes] = next;
        for (int b = 0; b < first.length; b++) {
            first[b] = child(0, b);
        }
    }

    /** The root, and for each token what follows the prefix it shares with the one before. */
    private static int countNodes(byte[][] tokens, int[] sorted) {
        int nodes = 1;
        byte[] previous = {};
        for (int id : sorted) {
            byte[] current = tokens[id];
            int common = Arrays.mismatch(previous, current);
            nodes += current.length - common;
            previous = current;
        }
        return nodes;
    }

    /** Id of the longest token that the bytes from {@code at}, of which there is at least one, begin with; 0 for none. */
    int longestMatch(byte[] bytes, int at) {
        int node = first[bytes[at] & 0xFF];
        if (node < 0) {
            return 0;
        }
        int longest = token[node];
        for (int i = at + 1; i < bytes.length; i++) {
            node = child(node, bytes[i] & 0xFF);
            if (node < 0) {
                break;
            }
            if (token[node] != 0) {
                longest = token[node];
            }
        }
        return longest;
    }

    private int child(int node, int b) {
        int low = firstChild[node];
        int high = firstChild[node + 1] - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            int found = label[middle] & 0xFF;
            if (found == b) {
                return middle;
            }
            if (found < b) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -1;
    }
}
