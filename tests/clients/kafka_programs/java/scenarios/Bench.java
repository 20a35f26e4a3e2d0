package onemq.kafka;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** What one scenario opens, all of which is closed when it ends, and what it checks with. */
final class Bench implements AutoCloseable {
  static final Duration MOMENT = Duration.ofMillis(50);
  static final long WITHIN_MS = 60_000;

  final String bootstrap;
  private final String prefix;
  private final Deque<AutoCloseable> open = new ArrayDeque<>();
  private Admin admin;

  interface Condition {
    boolean holds() throws Exception;
  }

  interface Action {
    void run() throws Exception;
  }

  Bench(String bootstrap, String scenario) {
    this.bootstrap = bootstrap;
    this.prefix = "java-" + UUID.randomUUID().toString().substring(0, 8) + "-" + scenario + "-";
  }

  @Override
  public void close() {
    while (!open.isEmpty()) {
      try {
        AutoCloseable last = open.pop();
        if (last instanceof KafkaProducer<?, ?> producer) producer.close(Duration.ZERO);
        else last.close();
      } catch (Exception late) {
        // The scenario has its result; what cannot be closed ends with the process.
      }
    }
  }

  String name(String suffix) {
    return prefix + suffix;
  }

  <T extends AutoCloseable> T keep(T closeable) {
    open.push(closeable);
    return closeable;
  }

  Map<String, Object> settings(Object... more) {
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", bootstrap);
    for (int index = 0; index < more.length; index += 2) settings.put((String) more[index], more[index + 1]);
    return settings;
  }

  Admin admin() {
    if (admin == null) admin = keep(Admin.create(settings()));
    return admin;
  }

  String topic(int partitions, String... configs) throws Exception {
    String topic = name(UUID.randomUUID().toString().substring(0, 4));
    Map<String, String> settings = new HashMap<>();
    for (int index = 0; index < configs.length; index += 2) settings.put(configs[index], configs[index + 1]);
    admin().createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(settings))).all().get();
    until(() -> known(topic), "topic " + topic + " is known");
    return topic;
  }

  private boolean known(String topic) throws Exception {
    try {
      admin().describeTopics(List.of(topic)).allTopicNames().get();
      return true;
    } catch (ExecutionException unknownYet) {
      return false;
    }
  }

  KafkaProducer<String, String> producer(Object... more) {
    return keep(new KafkaProducer<>(settings(more), new StringSerializer(), new StringSerializer()));
  }

  KafkaConsumer<String, String> consumer(Object... more) {
    Map<String, Object> settings = settings("auto.offset.reset", "earliest", "enable.auto.commit", false);
    settings.putAll(settings(more));
    return keep(new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer()));
  }

  KafkaShareConsumer<String, String> shareConsumer(String group, Object... more) {
    Map<String, Object> settings = settings("group.id", group);
    settings.putAll(settings(more));
    return keep(new KafkaShareConsumer<>(settings, new StringDeserializer(), new StringDeserializer()));
  }

  void configure(ConfigResource.Type type, String name, String key, String value) throws Exception {
    AlterConfigOp set = new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET);
    admin().incrementalAlterConfigs(Map.of(new ConfigResource(type, name), List.of(set))).all().get();
  }

  /** Sends m0, m1, ... to partition 0 and waits until they are there. */
  void fill(String topic, int count) throws Exception {
    KafkaProducer<String, String> producer = producer();
    for (int number = 0; number < count; number++) producer.send(new ProducerRecord<>(topic, 0, "k", "m" + number));
    producer.close();
  }

  /** All records of partition 0 up to its end, which for a read-committed reader is the last stable offset. */
  List<String> read(String topic, String isolation) {
    return values(records(topic, isolation));
  }

  List<ConsumerRecord<String, String>> records(String topic, String isolation) {
    TopicPartition partition = new TopicPartition(topic, 0);
    List<ConsumerRecord<String, String>> found = new ArrayList<>();
    try (Consumer<String, String> consumer = consumer("isolation.level", isolation)) {
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      long end = consumer.endOffsets(List.of(partition)).get(partition);
      long deadline = System.currentTimeMillis() + WITHIN_MS;
      while (consumer.position(partition) < end) {
        check(System.currentTimeMillis() < deadline, "read up to the end of " + topic);
        consumer.poll(MOMENT).forEach(found::add);
      }
    }
    return found;
  }

  static List<String> values(Collection<ConsumerRecord<String, String>> records) {
    return records.stream().map(ConsumerRecord::value).toList();
  }

  static List<String> numbered(int from, int end) {
    List<String> numbered = new ArrayList<>();
    for (int number = from; number < end; number++) numbered.add("m" + number);
    return numbered;
  }

  static void until(Condition condition, String what) throws Exception {
    long deadline = System.currentTimeMillis() + WITHIN_MS;
    while (!condition.holds()) {
      check(System.currentTimeMillis() < deadline, "in time: " + what);
      Thread.sleep(10);
    }
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new AssertionError("not so: " + what);
  }

  static void equal(Object wanted, Object found) {
    if (!Objects.equals(wanted, found)) throw new AssertionError("wanted " + wanted + ", found " + found);
  }

  /** The refusal of this kind that the action ends with, itself or as the cause. */
  static <T extends Throwable> T refused(Class<T> kind, Action action) {
    try {
      action.run();
    } catch (Throwable failure) {
      for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
        if (kind.isInstance(cause)) return kind.cast(cause);
      }
      throw new AssertionError("wanted " + kind.getSimpleName(), failure);
    }
    throw new AssertionError("not refused: wanted " + kind.getSimpleName());
  }

  static <T> T get(KafkaFuture<T> future) throws Exception {
    return future.get();
  }
}
