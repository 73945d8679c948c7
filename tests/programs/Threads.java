import java.io.FileInputStream;
import java.lang.management.ManagementFactory;
import java.util.concurrent.CountDownLatch;

/** Twenty threads read from a FIFO, ten wait for a monitor that is taken: says how many threads Java knows. */
class Threads {
    public static void main(String[] words) throws Exception {
        var monitor = new Object();
        var begun = new CountDownLatch(30);
        synchronized (monitor) {
            for (int reader = 0; reader < 20; reader++) {
                start(() -> {
                    // Its writer is the test, which never writes.
                    try (var inlet = new FileInputStream(words[0])) {
                        begun.countDown();
                        inlet.read();
                    } catch (java.io.IOException ended) {
                        throw new java.io.UncheckedIOException(ended);
                    }
                });
            }
            for (int waiter = 0; waiter < 10; waiter++) {
                start(() -> {
                    begun.countDown();
                    synchronized (monitor) {
                        throw new IllegalStateException("nobody lets it go");
                    }
                });
            }
            begun.await();
            System.out.println(ManagementFactory.getThreadMXBean().getThreadCount());
            System.out.println("ready");
            Thread.sleep(3_600_000);
        }
    }

    private static void start(Runnable work) {
        var thread = new Thread(work);
        thread.setDaemon(true);
        thread.start();
    }
}
