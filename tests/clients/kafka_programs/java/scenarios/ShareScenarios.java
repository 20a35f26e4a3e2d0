package onemq.kafka;

import static onemq.kafka.Bench.check;
import static onemq.kafka.Bench.equal;
import static onemq.kafka.Bench.refused;
import static onemq.kafka.Bench.until;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ShareGroupDescription;
import org.apache.kafka.clients.admin.SharePartitionOffsetInfo;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidRecordStateException;

/** Share groups (KIP-932). */
final class ShareScenarios {
  private static final Object[] EXPLICIT = {"share.acknowledgement.mode", "explicit"};

  private ShareScenarios() {}

  static Map<String, Main.Scenario> all() {
    return Map.of(
        "shareAcceptReleaseReject", ShareScenarios::outcomes,
        "shareDeliveryLimit", ShareScenarios::deliveryLimit,
        "shareLockRunsOut", bench -> lock(bench, false),
        "shareLockIsRenewed", bench -> lock(bench, true),
        "shareTwoConsumers", ShareScenarios::two,
        "shareClosedReleases", ShareScenarios::closed,
        "shareReadCommitted", ShareScenarios::readCommitted,
        "shareAdmin", ShareScenarios::admin,
        "shareOffsets", ShareScenarios::offsets);
  }

  /** A consumer of the group `g`, which reads from the beginning. */
  private static KafkaShareConsumer<String, String> member(Bench bench, String topic, Object... settings) throws Exception {
    bench.configure(ConfigResource.Type.GROUP, bench.name("g"), "share.auto.offset.reset", "earliest");
    KafkaShareConsumer<String, String> consumer = bench.shareConsumer(bench.name("g"), settings);
    consumer.subscribe(List.of(topic));
    return consumer;
  }

  private static List<ConsumerRecord<String, String>> poll(KafkaShareConsumer<String, String> consumer) {
    List<ConsumerRecord<String, String>> found = new ArrayList<>();
    consumer.poll(Bench.MOMENT).forEach(found::add);
    return found;
  }

  private static List<ConsumerRecord<String, String>> pollSome(KafkaShareConsumer<String, String> consumer) throws Exception {
    List<ConsumerRecord<String, String>> found = new ArrayList<>();
    until(() -> found.addAll(poll(consumer)), "some records");
    return found;
  }

  private static void outcomes(Bench bench) throws Exception {
    String topic = bench.topic(1);
    bench.fill(topic, 4);
    KafkaShareConsumer<String, String> consumer = member(bench, topic, EXPLICIT);
    Map<String, AcknowledgeType> wanted =
        Map.of("m0", AcknowledgeType.ACCEPT, "m1", AcknowledgeType.RELEASE, "m2", AcknowledgeType.REJECT, "m3", AcknowledgeType.RELEASE);
    Map<String, List<Short>> deliveries = new HashMap<>();
    until(
        () -> {
          for (ConsumerRecord<String, String> one : poll(consumer)) {
            List<Short> counts = deliveries.computeIfAbsent(one.value(), value -> new ArrayList<>());
            counts.add(one.deliveryCount().orElseThrow());
            consumer.acknowledge(one, counts.size() == 1 ? wanted.get(one.value()) : AcknowledgeType.ACCEPT);
          }
          equal(List.of(), consumer.commitSync().values().stream().flatMap(Optional::stream).toList());
          return deliveries.values().stream().mapToInt(List::size).sum() >= 6;
        },
        "six deliveries");
    short one = 1;
    short two = 2;
    equal(Map.of("m0", List.of(one), "m1", List.of(one, two), "m2", List.of(one), "m3", List.of(one, two)), deliveries);
    bench.fill(topic, 1);
    List<ConsumerRecord<String, String>> next = pollSome(consumer);
    equal(List.of(4L), next.stream().map(ConsumerRecord::offset).toList());
    refused(IllegalStateException.class, () -> consumer.poll(Bench.MOMENT)); // unanswered records
    consumer.acknowledge(next.get(0));
    refused(IllegalStateException.class, () -> consumer.acknowledge(new ConsumerRecord<>(topic, 0, 99, "k", "v")));
  }

  private static void deliveryLimit(Bench bench) throws Exception {
    String topic = bench.topic(1);
    bench.fill(topic, 1);
    KafkaShareConsumer<String, String> consumer = member(bench, topic, EXPLICIT);
    List<Integer> counts = new ArrayList<>();
    KafkaProducer<String, String> producer = bench.producer();
    boolean later = false;
    while (!later) {
      for (ConsumerRecord<String, String> one : pollSome(consumer)) {
        later = one.offset() == 1;
        if (!later) counts.add((int) one.deliveryCount().orElseThrow());
        consumer.acknowledge(one, later ? AcknowledgeType.ACCEPT : AcknowledgeType.RELEASE);
      }
      consumer.commitSync();
      if (counts.size() == 5) producer.send(new ProducerRecord<>(topic, "later"));
    }
    equal(List.of(1, 2, 3, 4, 5), counts);
  }

  /** What one holds and does not answer goes to the other when its time is over, unless it is renewed. */
  private static void lock(Bench bench, boolean renewed) throws Exception {
    String topic = bench.topic(1);
    bench.fill(topic, 1);
    long lockMs = shortest(bench);
    KafkaShareConsumer<String, String> first = member(bench, topic, EXPLICIT);
    KafkaShareConsumer<String, String> second = member(bench, topic, EXPLICIT);
    ConsumerRecord<String, String> held = pollSome(first).get(0);
    equal((int) lockMs, first.acquisitionLockTimeoutMs().orElse(-1));
    long acquired = System.nanoTime();
    if (renewed) {
      List<ConsumerRecord<String, String>> elsewhere = new ArrayList<>();
      for (int round = 0; round < 2; round++) {
        long end = System.nanoTime() + lockMs * 550_000;
        while (System.nanoTime() < end) elsewhere.addAll(poll(second));
        first.acknowledge(held, AcknowledgeType.RENEW);
        first.commitSync();
        held = pollSome(first).get(0); // what was renewed is given again
      }
      equal(List.of(), elsewhere);
      check(System.nanoTime() - acquired > lockMs * 1_000_000, "longer than one lock");
      first.acknowledge(held, AcknowledgeType.ACCEPT);
      equal(List.of(), first.commitSync().values().stream().flatMap(Optional::stream).toList());
    } else {
      ConsumerRecord<String, String> again = pollSome(second).get(0);
      equal("m0", again.value());
      check(again.deliveryCount().orElseThrow() >= 2, "not for the first time"); // the first's client may prefetch it once more
      first.acknowledge(held);
      var late = first.commitSync().values().stream().flatMap(Optional::stream).toList();
      equal(List.of(InvalidRecordStateException.class), late.stream().map(Object::getClass).toList());
      second.acknowledge(again);
      equal(List.of(), second.commitSync().values().stream().flatMap(Optional::stream).toList());
    }
  }

  private static long shortest(Bench bench) throws Exception {
    String key = "share.record.lock.duration.ms";
    for (long ms : List.of(1500L, 15_000L)) {
      try {
        bench.configure(ConfigResource.Type.GROUP, bench.name("g"), key, Long.toString(ms));
        return ms;
      } catch (ExecutionException refused) {
        check(refused.getCause() instanceof InvalidConfigurationException, "below the broker's limit: " + refused.getCause());
      }
    }
    throw new AssertionError("no lock duration is allowed");
  }

  private static void two(Bench bench) throws Exception {
    String topic = bench.topic(1);
    KafkaProducer<String, String> producer = bench.producer();
    List<KafkaShareConsumer<String, String>> members = List.of(member(bench, topic), member(bench, topic));
    Map<String, Integer> seen = new HashMap<>();
    int[] by = new int[2];
    int[] sent = {0};
    until(
        () -> {
          for (int number = 0; number < 5; number++) producer.send(new ProducerRecord<>(topic, "m" + sent[0]++)).get();
          readBoth(members, seen, by);
          return by[0] > 20 && by[1] > 20;
        },
        "both read from the one partition");
    until(
        () -> {
          readBoth(members, seen, by);
          return seen.size() == sent[0];
        },
        "every record was read");
    equal(0L, seen.values().stream().filter(times -> times != 1).count());
  }

  private static void readBoth(List<KafkaShareConsumer<String, String>> members, Map<String, Integer> seen, int[] by) {
    for (int index = 0; index < 2; index++) {
      for (ConsumerRecord<String, String> one : poll(members.get(index))) {
        by[index]++;
        seen.merge(one.value(), 1, Integer::sum);
      }
      members.get(index).commitSync();
    }
  }

  private static void closed(Bench bench) throws Exception {
    String topic = bench.topic(1);
    bench.fill(topic, 3);
    KafkaShareConsumer<String, String> first = member(bench, topic, EXPLICIT);
    List<ConsumerRecord<String, String>> held = pollSome(first);
    first.acknowledge(held.get(0));
    first.close();
    KafkaShareConsumer<String, String> second = member(bench, topic, EXPLICIT);
    List<String> found = new ArrayList<>();
    until(
        () -> {
          for (ConsumerRecord<String, String> one : poll(second)) {
            found.add(one.value());
            second.acknowledge(one);
          }
          return found.size() >= 2;
        },
        "what was held");
    equal(List.of("m1", "m2"), found);
  }

  private static void readCommitted(Bench bench) throws Exception {
    String topic = bench.topic(1);
    bench.configure(ConfigResource.Type.GROUP, bench.name("g"), "share.isolation.level", "read_committed");
    KafkaProducer<String, String> producer = bench.producer("transactional.id", bench.name("tx"));
    producer.initTransactions();
    for (String value : List.of("aborted", "committed")) {
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(topic, value)).get();
      if (value.equals("aborted")) producer.abortTransaction();
      else producer.commitTransaction();
    }
    KafkaShareConsumer<String, String> consumer = member(bench, topic);
    equal(List.of("committed"), Bench.values(pollSome(consumer)));
  }

  private static ShareGroupDescription described(Bench bench, String group) throws Exception {
    try {
      return bench.admin().describeShareGroups(List.of(group)).all().get().get(group);
    } catch (ExecutionException unknownYet) {
      return null;
    }
  }

  /** An administrator says where a group begins that nobody has joined yet. */
  private static void offsets(Bench bench) throws Exception {
    String topic = bench.topic(1);
    String group = bench.name("g");
    TopicPartition partition = new TopicPartition(topic, 0);
    bench.fill(topic, 3);
    equal(Map.of(), offsets(bench, group));
    equal(GroupIdNotFoundException.class, refused(ApiException.class, () -> forget(bench, group, topic)).getClass());
    bench.admin().alterShareGroupOffsets(group, Map.of(partition, 1L)).all().get();
    SharePartitionOffsetInfo info = offsets(bench, group).get(partition);
    equal(List.of(1L, 2L), List.of(info.startOffset(), info.lag().orElseThrow()));
    KafkaShareConsumer<String, String> consumer = bench.shareConsumer(group);
    consumer.subscribe(List.of(topic));
    equal("m1", pollSome(consumer).get(0).value());
    refused(GroupNotEmptyException.class, () -> forget(bench, group, topic));
    consumer.close();
    until(() -> described(bench, group).groupState() == GroupState.EMPTY, "the group is empty");
    forget(bench, group, topic);
    equal(Map.of(), offsets(bench, group));
  }

  private static Map<TopicPartition, SharePartitionOffsetInfo> offsets(Bench bench, String group) throws Exception {
    var specification = Map.of(group, new ListShareGroupOffsetsSpec());
    return bench.admin().listShareGroupOffsets(specification).all().get().get(group);
  }

  private static void forget(Bench bench, String group, String topic) throws Exception {
    bench.admin().deleteShareGroupOffsets(group, Set.of(topic)).all().get();
  }

  private static void admin(Bench bench) throws Exception {
    String topic = bench.topic(2);
    String group = bench.name("g");
    KafkaShareConsumer<String, String> consumer = member(bench, topic);
    until(
        () -> {
          poll(consumer);
          ShareGroupDescription found = described(bench, group);
          return found != null && found.groupState() == GroupState.STABLE
              && found.members().size() == 1
              && found.members().iterator().next().assignment().topicPartitions().size() == 2;
        },
        "the group is described");
    consumer.close();
    until(
        () -> bench.admin().describeShareGroups(List.of(group)).all().get().get(group).groupState() == GroupState.EMPTY,
        "the group is empty");
    bench.admin().deleteShareGroups(List.of(group)).all().get();
  }
}
