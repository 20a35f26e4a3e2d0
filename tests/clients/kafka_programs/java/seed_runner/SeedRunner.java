import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/** {@code SeedRunner BOOTSTRAP}: runs the seeds' Java programs and prints for each a line {@code RESULT <json>}. */
public final class SeedRunner {
  private static final long WITHIN_MS = 20_000;
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private final String bootstrap;
  private final Admin admin;

  private SeedRunner(String bootstrap) {
    this.bootstrap = bootstrap;
    this.admin = Admin.create(Map.of("bootstrap.servers", bootstrap));
  }

  public static void main(String[] arguments) throws Exception {
    SeedRunner runner = new SeedRunner(arguments[0]);
    runner.forget();
    runner.userActivity(); // first: what it loads is there when the other waits for one second only
    runner.orders();
    runner.forget();
    System.exit(0);
  }

  /** Its group has no position and would start at the end, behind its own order; here it was there before. */
  private void orders() throws Exception {
    TopicPartition zero = new TopicPartition("orders", 0);
    admin.createTopics(java.util.List.of(new NewTopic("orders", 1, (short) 1))).all().get();
    Map<TopicPartition, OffsetAndMetadata> start = Map.of(zero, new OffsetAndMetadata(0));
    until(
        () -> {
          admin.alterConsumerGroupOffsets("order-processing-group", start).all().get();
          return true;
        });
    String said = said(KafkaExample::main);
    result("KafkaExample", said, read("orders"));
  }

  private void userActivity() throws Exception {
    String said = said(KafkaProducerExample::main); // the topic is made by its first record
    result("KafkaProducerExample", said, read("user_activity"));
  }

  private interface Program {
    void main(String[] arguments) throws Exception;
  }

  private static String said(Program program) throws Exception {
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    PrintStream standard = System.out;
    System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
    try {
      program.main(new String[0]);
    } finally {
      System.setOut(standard);
    }
    return said.toString(StandardCharsets.UTF_8);
  }

  private java.util.List<String> read(String topic) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    settings.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    settings.put("group.id", "reader-" + UUID.randomUUID());
    settings.put("auto.offset.reset", "earliest");
    java.util.List<String> found = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings)) {
      consumer.subscribe(java.util.List.of(topic));
      until(
          () -> {
            for (ConsumerRecord<String, String> one : consumer.poll(Duration.ofMillis(50))) {
              found.add(one.key() + "=" + one.value());
            }
            return !found.isEmpty();
          });
    }
    return found;
  }

  private void forget() throws Exception {
    Set<String> topics = Set.of("orders", "user_activity");
    for (String topic : topics) ignoringUnknown(() -> admin.deleteTopics(Set.of(topic)).all().get());
    ignoringUnknown(() -> admin.deleteConsumerGroups(Set.of("order-processing-group")).all().get());
    until(() -> admin.listTopics().names().get().stream().noneMatch(topics::contains));
  }

  private interface Attempt<T> {
    T run() throws Exception;
  }

  private static void ignoringUnknown(Attempt<?> attempt) throws Exception {
    try {
      attempt.run();
    } catch (ExecutionException unknown) {
      // Nothing was left of an earlier run.
    }
  }

  private static void until(Attempt<Boolean> condition) throws Exception {
    long deadline = System.currentTimeMillis() + WITHIN_MS;
    while (true) {
      try {
        if (condition.run()) return;
      } catch (ExecutionException notYet) {
        if (System.currentTimeMillis() > deadline) throw notYet;
      }
      if (System.currentTimeMillis() > deadline) throw new AssertionError("not in time");
      Thread.sleep(10);
    }
  }

  private static void result(String program, String said, java.util.List<String> records) {
    OUT.println(
        "RESULT {\"scenario\": \"" + program + "\", \"result\": {\"said\": \"" + said.replace("\n", "\\n")
            + "\", \"records\": \"" + records + "\"}}");
  }
}
