import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.retry.ExponentialBackoffRetry;

/**
 * A Java process with Curator's locks, told by lines on its standard input what to do; each is answered by one
 * line. See `main` for the words.
 */
public final class CuratorHarness {
    private static CuratorFramework client;

    public static void main(String[] args) throws Exception {
        client = CuratorFrameworkFactory.builder()
            .connectString(args[0])
            .sessionTimeoutMs(10_000)
            .connectionTimeoutMs(10_000)
            .retryPolicy(new ExponentialBackoffRetry(100, 5))
            .build();
        client.start();
        client.blockUntilConnected(20, TimeUnit.SECONDS);
        say("ready");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] words = line.split(" ");
            try {
                say(obey(words));
            } catch (Exception error) {
                say("error " + error);
            }
        }
        client.close();
    }

    private static String obey(String[] words) throws Exception {
        switch (words[0]) {
            case "compete-mutex":
                return competeMutex(words[1], Path.of(words[2]), Integer.parseInt(words[3]), Integer.parseInt(words[4]));
            case "compete-read-write":
                return competeReadWrite(words[1], Path.of(words[2]), Integer.parseInt(words[3]), Integer.parseInt(words[4]));
            case "pairs":
                return pairs(words[1], Integer.parseInt(words[2]));
            case "raw-pairs":
                return rawPairs(words[1], Integer.parseInt(words[2]));
            case "keys":
                return keys(words[1], Integer.parseInt(words[2]), Long.parseLong(words[3]));
            case "contend":
                return contend(words[1], Integer.parseInt(words[2]), Long.parseLong(words[3]), Long.parseLong(words[4]));
            case "hold":
                held = new InterProcessMutex(client, words[1]);
                held.acquire();
                return String.valueOf(now());
            case "hold-to-write":
                held = new InterProcessReadWriteLock(client, words[1]).writeLock();
                held.acquire();
                return String.valueOf(now());
            case "release":
                long releasedAt = now();
                held.release();
                return String.valueOf(releasedAt);
            default:
                return "error unknown word " + words[0];
        }
    }

    private static InterProcessMutex held;

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    /** Microseconds since 1970: what processes of one machine can compare. */
    private static long now() {
        java.time.Instant now = java.time.Instant.now();
        return now.getEpochSecond() * 1_000_000 + now.getNano() / 1_000;
    }

    // ------------------------------------------------------------------------------------ for the tests

    /** Shows where its node is. */
    private static final class Shown extends InterProcessMutex {
        Shown(String path) {
            super(client, path);
        }

        long transaction() throws Exception {
            return client.checkExists().forPath(getLockPath()).getCzxid();
        }
    }

    private interface Work {
        void once(int thread) throws Exception;
    }

    private static void inThreads(int threads, int times, Work work) throws Exception {
        List<Thread> all = new ArrayList<>();
        List<Exception> failed = new ArrayList<>();
        for (int index = 0; index < threads; index++) {
            int number = index;
            Thread thread = new Thread(() -> {
                try {
                    for (int count = 0; count < times; count++) work.once(number);
                } catch (Exception error) {
                    synchronized (failed) {
                        failed.add(error);
                    }
                }
            });
            all.add(thread);
            thread.start();
        }
        for (Thread thread : all) thread.join();
        if (!failed.isEmpty()) throw failed.get(0);
    }

    /** Answers how often somebody else was in. Appends the transaction of each holder to the file `order`. */
    private static String competeMutex(String path, Path folder, int threads, int times) throws Exception {
        AtomicInteger overlaps = new AtomicInteger();
        inThreads(threads, times, thread -> {
            Shown lock = new Shown(path);
            lock.acquire();
            try {
                if (!enter(folder.resolve("inside"))) overlaps.incrementAndGet();
                String line = lock.transaction() + " java\n";
                Files.writeString(folder.resolve("order"), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
                Files.deleteIfExists(folder.resolve("inside"));
            } finally {
                lock.release();
            }
        });
        return String.valueOf(overlaps.get());
    }

    /** Thread 0 writes, the others read. */
    private static String competeReadWrite(String path, Path folder, int threads, int times) throws Exception {
        AtomicInteger overlaps = new AtomicInteger();
        inThreads(threads, times, thread -> {
            InterProcessReadWriteLock lock = new InterProcessReadWriteLock(client, path);
            InterProcessMutex side = thread == 0 ? lock.writeLock() : lock.readLock();
            Path mine = folder.resolve(thread == 0 ? "writer" : "reader-java-" + thread);
            side.acquire();
            try {
                if (!enter(mine)) overlaps.incrementAndGet();
                try (var inside = Files.list(folder)) {
                    boolean isAlone = inside.allMatch(each -> each.equals(mine));
                    if (thread == 0 ? !isAlone : Files.exists(folder.resolve("writer"))) overlaps.incrementAndGet();
                }
                Files.deleteIfExists(mine);
            } finally {
                side.release();
            }
        });
        return String.valueOf(overlaps.get());
    }

    private static boolean enter(Path file) throws IOException {
        try {
            Files.createFile(file);
            return true;
        } catch (FileAlreadyExistsException inside) {
            return false;
        }
    }

    // -------------------------------------------------------------------------------- for the benchmark

    /** Median time of acquire and release in microseconds, uncontended. */
    private static String pairs(String path, int times) throws Exception {
        InterProcessMutex lock = new InterProcessMutex(client, path);
        return median(times, () -> {
            lock.acquire();
            lock.release();
        });
    }

    /** The same for what both consist of at least: making a node and deleting it. */
    private static String rawPairs(String path, int times) throws Exception {
        client.createContainers(path);
        org.apache.zookeeper.ZooKeeper zookeeper = client.getZookeeperClient().getZooKeeper();
        return median(times, () -> {
            String node = zookeeper.create(
                path + "/raw-", new byte[0], org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE,
                org.apache.zookeeper.CreateMode.EPHEMERAL_SEQUENTIAL);
            zookeeper.delete(node, -1);
        });
    }

    private interface Step {
        void run() throws Exception;
    }

    private static String median(int times, Step step) throws Exception {
        long[] took = new long[times];
        for (int count = 0; count < times; count++) {
            long from = System.nanoTime();
            step.run();
            took[count] = System.nanoTime() - from;
        }
        Arrays.sort(took);
        return String.valueOf(took[times / 2] / 1_000.0);
    }

    /** Pairs per second over so many locks at once, a thread for each. */
    private static String keys(String path, int count, long ms) throws Exception {
        return String.valueOf(rate(count, ms, index -> new InterProcessMutex(client, path + "-" + index)).sum());
    }

    /**
     * Threads that compete for one lock from `startAt` (microseconds) on. Answers each one's acquisitions, then
     * each acquisition's moment in microseconds.
     */
    private static String contend(String path, int threads, long startAt, long ms) throws Exception {
        while (now() < startAt) Thread.sleep(1);
        InterProcessMutex lock = new InterProcessMutex(client, path);
        Rate rate = rate(threads, ms, index -> lock);
        return rate.shares() + " | " + rate.moments();
    }

    private interface Locks {
        InterProcessMutex of(int index);
    }

    private record Rate(int[] counts, List<Long> at, long ms) {
        double sum() {
            return Arrays.stream(counts).sum() * 1_000.0 / ms;
        }

        String shares() {
            StringBuilder text = new StringBuilder();
            for (int count : counts) text.append(text.length() == 0 ? "" : ",").append(count);
            return text.toString();
        }

        String moments() {
            StringBuilder text = new StringBuilder();
            for (long each : at) text.append(text.length() == 0 ? "" : ",").append(each);
            return text.toString();
        }
    }

    private static Rate rate(int threads, long ms, Locks locks) throws Exception {
        int[] counts = new int[threads];
        List<Long> moments = new ArrayList<>();
        AtomicBoolean isOver = new AtomicBoolean();
        CountDownLatch ended = new CountDownLatch(threads);
        for (int index = 0; index < threads; index++) {
            int number = index;
            new Thread(() -> {
                InterProcessMutex lock = locks.of(number);
                try {
                    while (!isOver.get()) {
                        if (!lock.acquire(30, TimeUnit.SECONDS)) continue;
                        long at = now();
                        lock.release();
                        if (isOver.get()) break;
                        counts[number] += 1;
                        synchronized (moments) {
                            moments.add(at);
                        }
                    }
                } catch (Exception error) {
                    error.printStackTrace();
                } finally {
                    ended.countDown();
                }
            }).start();
        }
        Thread.sleep(ms);
        isOver.set(true);
        ended.await(40, TimeUnit.SECONDS);
        return new Rate(counts, moments, ms);
    }
}
