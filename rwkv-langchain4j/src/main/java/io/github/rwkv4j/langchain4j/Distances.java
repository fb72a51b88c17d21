package io.github.rwkv4j.langchain4j;

/** How far apart two pasts are. */
final class Distances {
    private Distances() {}

    /** |a - b| divided by the mean of |a| and |b|. */
    static double relative(float[] a, float[] b) {
        double difference = 0;
        double lengthOfA = 0;
        double lengthOfB = 0;
        for (int i = 0; i < a.length; i++) {
            difference += Math.pow((double) a[i] - b[i], 2);
            lengthOfA += (double) a[i] * a[i];
            lengthOfB += (double) b[i] * b[i];
        }
        double mean = (Math.sqrt(lengthOfA) + Math.sqrt(lengthOfB)) / 2;
        return mean == 0 ? 0 : Math.sqrt(difference) / mean;
    }

    /** Jensen-Shannon divergence, in bits, of two distributions given as logits. */
    static double jensenShannon(float[] a, float[] b) {
        double[] p = softmax(a);
        double[] q = softmax(b);
        double sum = 0;
        for (int i = 0; i < p.length; i++) {
            double middle = (p[i] + q[i]) / 2;
            sum += term(p[i], middle) + term(q[i], middle);
        }
        return Math.clamp(sum / 2, 0, 1);
    }

    private static double term(double p, double middle) {
        return p == 0 ? 0 : p * Math.log(p / middle) / Math.log(2);
    }

    private static double[] softmax(float[] logits) {
        double largest = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            largest = Math.max(largest, logit);
        }
        double[] probabilities = new double[logits.length];
        double sum = 0;
        for (int i = 0; i < logits.length; i++) {
            probabilities[i] = Math.exp(logits[i] - largest);
            sum += probabilities[i];
        }
        for (int i = 0; i < probabilities.length; i++) {
            probabilities[i] /= sum;
        }
        return probabilities;
    }
}
