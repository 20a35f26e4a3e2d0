package onemq.kafka;

import static onemq.kafka.Bench.equal;
import static onemq.kafka.Bench.refused;
import static onemq.kafka.Bench.until;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.OffsetMetadataTooLarge;

/** The consumer without a group's assignment: positions, offsets by time, committed offsets. */
final class ConsumerScenarios {
  private ConsumerScenarios() {}

  static Map<String, Main.Scenario> all() {
    return Map.of(
        "consumerPositions", ConsumerScenarios::positions,
        "consumerOutOfRange", ConsumerScenarios::outOfRange,
        "consumerCommits", ConsumerScenarios::commits,
        "consumerWaitsForRecords", ConsumerScenarios::waits,
        "consumerFetchSizes", ConsumerScenarios::fetchSizes);
  }

  private static void positions(Bench bench) throws Exception {
    String topic = bench.topic(2);
    TopicPartition zero = new TopicPartition(topic, 0);
    TopicPartition one = new TopicPartition(topic, 1);
    KafkaProducer<String, String> producer = bench.producer();
    for (long time : List.of(1000L, 3000L, 2000L)) producer.send(new ProducerRecord<>(topic, 0, time, "k", "t" + time)).get();
    KafkaConsumer<String, String> consumer = bench.consumer();
    consumer.assign(List.of(zero, one));
    equal(Map.of(zero, 0L, one, 0L), consumer.beginningOffsets(List.of(zero, one)));
    equal(Map.of(zero, 3L, one, 0L), consumer.endOffsets(List.of(zero, one)));
    Map<TopicPartition, OffsetAndTimestamp> found = consumer.offsetsForTimes(Map.of(zero, 1500L, one, 0L));
    equal(new OffsetAndTimestamp(1, 3000, found.get(zero).leaderEpoch()), found.get(zero));
    equal(null, found.get(one));
    consumer.seek(zero, 2);
    equal(List.of("t2000"), Bench.values(pollSome(consumer, 1)));
    consumer.seekToBeginning(List.of(zero));
    equal(List.of("t1000", "t3000", "t2000"), Bench.values(pollSome(consumer, 3)));
    consumer.seekToEnd(List.of(zero));
    equal(3L, consumer.position(zero));
    equal(0L, consumer.currentLag(zero).orElse(-1));
    equal(2, consumer.partitionsFor(topic).size());
    Bench.check(consumer.listTopics().containsKey(topic), "the topic is listed");
  }

  static List<ConsumerRecord<String, String>> pollSome(
      KafkaConsumer<String, String> consumer, int count) throws Exception {
    List<ConsumerRecord<String, String>> found = new ArrayList<>();
    until(
        () -> {
          consumer.poll(Bench.MOMENT).forEach(found::add);
          return found.size() >= count;
        },
        count + " records");
    return found;
  }

  private static void outOfRange(Bench bench) throws Exception {
    String topic = bench.topic(1);
    TopicPartition zero = new TopicPartition(topic, 0);
    bench.fill(topic, 5);
    bench.admin().deleteRecords(Map.of(zero, RecordsToDelete.beforeOffset(2))).all().get();
    KafkaConsumer<String, String> strict = bench.consumer("auto.offset.reset", "none");
    strict.assign(List.of(zero));
    for (long offset : List.of(0L, 9L)) {
      strict.seek(zero, offset);
      OffsetOutOfRangeException told =
          refused(OffsetOutOfRangeException.class, () -> { while (strict.poll(Bench.MOMENT).isEmpty()); });
      equal(Map.of(zero, offset), told.offsetOutOfRangePartitions());
    }
    KafkaConsumer<String, String> lenient = bench.consumer();
    lenient.assign(List.of(zero));
    lenient.seek(zero, 0);
    equal(List.of("m2", "m3", "m4"), Bench.values(pollSome(lenient, 3)));
  }

  private static void commits(Bench bench) throws Exception {
    String topic = bench.topic(1);
    TopicPartition zero = new TopicPartition(topic, 0);
    bench.fill(topic, 5);
    String group = bench.name("g");
    KafkaConsumer<String, String> consumer = bench.consumer("group.id", group);
    consumer.assign(List.of(zero));
    Map<TopicPartition, OffsetAndMetadata> nothing = new HashMap<>();
    nothing.put(zero, null);
    equal(nothing, consumer.committed(Set.of(zero)));
    consumer.commitSync(Map.of(zero, new OffsetAndMetadata(2, "by hand")));
    OffsetAndMetadata committed = consumer.committed(Set.of(zero)).get(zero);
    equal(List.of(2L, "by hand"), List.of(committed.offset(), committed.metadata()));
    KafkaConsumer<String, String> next = bench.consumer("group.id", group);
    next.assign(List.of(zero));
    equal(List.of("m2", "m3", "m4"), Bench.values(pollSome(next, 3)));
    List<Long> told = new ArrayList<>();
    next.commitAsync((offsets, failure) -> told.add(failure == null ? offsets.get(zero).offset() : -1));
    until(
        () -> {
          next.poll(Bench.MOMENT);
          return !told.isEmpty();
        },
        "the asynchronous commit");
    equal(List.of(5L), told);
    refused(
        OffsetMetadataTooLarge.class,
        () -> consumer.commitSync(Map.of(zero, new OffsetAndMetadata(1, "x".repeat(5000)))));
  }

  private static void waits(Bench bench) throws Exception {
    String topic = bench.topic(1);
    TopicPartition zero = new TopicPartition(topic, 0);
    KafkaConsumer<String, String> consumer = bench.consumer("fetch.max.wait.ms", 20_000);
    consumer.assign(List.of(zero));
    consumer.poll(Duration.ofMillis(200)); // leaves a fetch waiting at the broker
    bench.fill(topic, 1);
    long start = System.nanoTime();
    equal(List.of("m0"), Bench.values(pollSome(consumer, 1)));
    Bench.check(System.nanoTime() - start < 15_000_000_000L, "a waiting fetch is answered by a record, not by its time");
    consumer.close(CloseOptions.timeout(Duration.ZERO)); // else it waits for the next fetch
  }

  private static void fetchSizes(Bench bench) throws Exception {
    String topic = bench.topic(1);
    KafkaProducer<String, String> producer = bench.producer("linger.ms", 0);
    for (int number = 0; number < 10; number++) producer.send(new ProducerRecord<>(topic, 0, "k", "x".repeat(10_000))).get();
    // A batch larger than asked for is given whole, or the reader would never get past it.
    KafkaConsumer<String, String> consumer =
        bench.consumer("max.partition.fetch.bytes", 1000, "fetch.max.bytes", 1000, "max.poll.records", 1);
    consumer.assign(List.of(new TopicPartition(topic, 0)));
    equal(10, pollSome(consumer, 10).size());
  }
}
