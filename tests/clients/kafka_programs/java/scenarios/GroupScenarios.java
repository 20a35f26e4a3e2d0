package onemq.kafka;

import static onemq.kafka.Bench.check;
import static onemq.kafka.Bench.equal;
import static onemq.kafka.Bench.refused;
import static onemq.kafka.Bench.until;

import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.SubscriptionPattern;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.FencedInstanceIdException;
import org.apache.kafka.common.errors.InvalidRegularExpression;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.errors.UnreleasedInstanceIdException;

/** Groups of both protocols: the classic one, and the one where the broker assigns (KIP-848). */
final class GroupScenarios {
  private static final Object[] CLASSIC = {"heartbeat.interval.ms", 200, "session.timeout.ms", 10_000};
  private static final Object[] NEXT = {"group.protocol", "consumer"};

  private GroupScenarios() {}

  static Map<String, Main.Scenario> all() {
    String assignor = "partition.assignment.strategy";
    return Map.of(
        "groupRange", bench -> sharing(bench, with(CLASSIC, assignor, RangeAssignor.class.getName())),
        "groupCooperativeSticky", bench -> sharing(bench, with(CLASSIC, assignor, CooperativeStickyAssignor.class.getName())),
        "groupNextProtocol", bench -> sharing(bench, NEXT),
        "groupCooperativeKeepsWhatStays", GroupScenarios::cooperative,
        "groupStaticMember", bench -> staticMember(bench, CLASSIC, FencedInstanceIdException.class),
        "groupNextStaticMember", bench -> staticMember(bench, NEXT, UnreleasedInstanceIdException.class),
        "groupNextPattern", GroupScenarios::nextPattern,
        "groupNextDescribed", GroupScenarios::nextDescribed,
        "groupSeesNewPartitions", GroupScenarios::newPartitions,
        "groupMovesToNextProtocol", GroupScenarios::upgrade);
  }

  private static Object[] with(Object[] settings, Object... more) {
    Object[] all = java.util.Arrays.copyOf(settings, settings.length + more.length);
    System.arraycopy(more, 0, all, settings.length, more.length);
    return all;
  }

  private static KafkaConsumer<String, String> member(Bench bench, Object... settings) {
    return bench.consumer(with(settings, "group.id", bench.name("g")));
  }

  /** Two members share four partitions under load; one leaves, later one comes; no record is left out. */
  private static void sharing(Bench bench, Object[] settings) throws Exception {
    String topic = bench.topic(4);
    KafkaProducer<String, String> producer = bench.producer();
    AtomicInteger sent = new AtomicInteger();
    Set<String> seen = new HashSet<>();
    KafkaConsumer<String, String> first = member(bench, settings);
    KafkaConsumer<String, String> second = member(bench, settings);
    Bench.Action turn =
        () -> {
          for (int partition = 0; partition < 4; partition++) {
            producer.send(new ProducerRecord<>(topic, partition, "k", "m" + sent.getAndIncrement()));
          }
        };
    first.subscribe(List.of(topic));
    until(() -> poll(turn, seen, first) && first.assignment().size() == 4, "the first has all");
    second.subscribe(List.of(topic));
    until(
        () -> poll(turn, seen, first, second) && first.assignment().size() == 2 && second.assignment().size() == 2,
        "both have two");
    Set<TopicPartition> both = new HashSet<>(first.assignment());
    both.addAll(second.assignment());
    equal(4, both.size());
    commit(first);
    first.close();
    until(() -> poll(turn, seen, second) && second.assignment().size() == 4, "the second has all");
    producer.flush();
    until(
        () -> {
          poll(() -> {}, seen, second);
          return seen.size() == sent.get();
        },
        "every record was read");
  }

  @SafeVarargs
  private static boolean poll(Bench.Action turn, Set<String> seen, KafkaConsumer<String, String>... members)
      throws Exception {
    turn.run();
    for (KafkaConsumer<String, String> member : members) {
      member.poll(Bench.MOMENT).forEach(record -> seen.add(record.value()));
      if (!member.assignment().isEmpty()) commit(member);
    }
    return true;
  }

  private static void commit(KafkaConsumer<String, String> member) {
    try {
      member.commitSync();
    } catch (CommitFailedException | RebalanceInProgressException rebalancing) {
      // What was read meanwhile is read again: at least once.
    }
  }

  private static final class Counting implements ConsumerRebalanceListener {
    final Set<Integer> revoked = new TreeSet<>();
    int assignments;

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
      partitions.forEach(partition -> revoked.add(partition.partition()));
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
      assignments++;
    }
  }

  private static void cooperative(Bench bench) throws Exception {
    String topic = bench.topic(4);
    Object[] settings = with(CLASSIC, "partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
    Counting listener = new Counting();
    KafkaConsumer<String, String> first = member(bench, settings);
    KafkaConsumer<String, String> second = member(bench, settings);
    first.subscribe(List.of(topic), listener);
    until(() -> pollOnly(first) && first.assignment().size() == 4, "the first has all");
    second.subscribe(List.of(topic));
    until(() -> pollOnly(first, second) && second.assignment().size() == 2, "the second has two");
    equal(2, listener.revoked.size()); // the other two never stopped
    equal(2, first.assignment().size());
  }

  @SafeVarargs
  private static boolean pollOnly(KafkaConsumer<String, String>... members) {
    for (KafkaConsumer<String, String> member : members) member.poll(Bench.MOMENT);
    return true;
  }

  /** A static member comes back to its partitions; nobody else notices. A second of its name is told so. */
  private static void staticMember(Bench bench, Object[] settings, Class<? extends Throwable> refusal) throws Exception {
    String topic = bench.topic(2);
    Counting listener = new Counting();
    KafkaConsumer<String, String> first = member(bench, with(settings, "group.instance.id", "one"));
    KafkaConsumer<String, String> other = member(bench, with(settings, "group.instance.id", "two"));
    first.subscribe(List.of(topic));
    other.subscribe(List.of(topic), listener);
    until(
        () -> pollOnly(first, other) && first.assignment().size() == 1 && other.assignment().size() == 1, "each has one");
    Set<TopicPartition> had = first.assignment();
    int assignments = listener.assignments;
    listener.revoked.clear(); // while the two came together
    first.close();
    KafkaConsumer<String, String> again = member(bench, with(settings, "group.instance.id", "one"));
    again.subscribe(List.of(topic));
    until(() -> pollOnly(again, other) && again.assignment().size() == 1, "it is back");
    equal(had, again.assignment());
    equal(assignments, listener.assignments);
    equal(Set.of(), listener.revoked);
    KafkaConsumer<String, String> twin = member(bench, with(settings, "group.instance.id", "one"));
    twin.subscribe(List.of(topic));
    long deadline = System.currentTimeMillis() + 20_000;
    // The classic protocol lets the newest in and fences the older one; the new one refuses the newest.
    refused(refusal, () -> { while (System.currentTimeMillis() < deadline) pollOnly(twin, again, other); });
  }

  private static void nextPattern(Bench bench) throws Exception {
    String topic = bench.topic(1);
    bench.fill(topic, 2);
    KafkaConsumer<String, String> consumer = member(bench, NEXT);
    consumer.subscribe(new SubscriptionPattern(bench.name(".*")));
    equal(List.of("m0", "m1"), Bench.values(ConsumerScenarios.pollSome(consumer, 2)));
    KafkaConsumer<String, String> wrong = bench.consumer(with(NEXT, "group.id", bench.name("wrong")));
    wrong.subscribe(new SubscriptionPattern("(unclosed"));
    refused(InvalidRegularExpression.class, () -> { while (true) pollOnly(wrong); });
  }

  private static void nextDescribed(Bench bench) throws Exception {
    String topic = bench.topic(2);
    String group = bench.name("g");
    KafkaConsumer<String, String> consumer = member(bench, with(NEXT, "group.remote.assignor", "range"));
    consumer.subscribe(List.of(topic));
    until(() -> pollOnly(consumer) && consumer.assignment().size() == 2, "it has both");
    ConsumerGroupDescription found = bench.admin().describeConsumerGroups(List.of(group)).all().get().get(group);
    equal(GroupType.CONSUMER, found.type());
    equal("range", found.partitionAssignor());
    equal(1, found.members().size());
    equal(consumer.assignment(), found.members().iterator().next().assignment().topicPartitions());
    consumer.close(CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
    until(
        () -> bench.admin().describeConsumerGroups(List.of(group)).all().get().get(group).members().isEmpty(), "it left");
  }

  private static void newPartitions(Bench bench) throws Exception {
    String topic = bench.topic(1);
    KafkaConsumer<String, String> classic = bench.consumer(with(CLASSIC, "group.id", bench.name("c"), "metadata.max.age.ms", 500));
    KafkaConsumer<String, String> next = bench.consumer(with(NEXT, "group.id", bench.name("n")));
    for (KafkaConsumer<String, String> one : List.of(classic, next)) one.subscribe(List.of(topic));
    until(() -> pollOnly(classic, next) && classic.assignment().size() + next.assignment().size() == 2, "both have one");
    bench.admin().createPartitions(Map.of(topic, org.apache.kafka.clients.admin.NewPartitions.increaseTo(3))).all().get();
    until(() -> pollOnly(classic, next) && classic.assignment().size() + next.assignment().size() == 6, "both have three");
  }

  /** A group that has become empty may go on with the other protocol, where it was. */
  private static void upgrade(Bench bench) throws Exception {
    String topic = bench.topic(1);
    bench.fill(topic, 4);
    KafkaConsumer<String, String> classic = member(bench, with(CLASSIC, "max.poll.records", 2));
    classic.subscribe(List.of(topic));
    equal(List.of("m0", "m1"), Bench.values(ConsumerScenarios.pollSome(classic, 2)));
    classic.commitSync();
    classic.close();
    KafkaConsumer<String, String> next = member(bench, NEXT);
    next.subscribe(List.of(topic));
    equal(List.of("m2", "m3"), Bench.values(ConsumerScenarios.pollSome(next, 2)));
    next.commitSync();
    try {
      equal(GroupType.CONSUMER, bench.admin().describeConsumerGroups(List.of(bench.name("g"))).all().get().get(bench.name("g")).type());
    } catch (ExecutionException failure) {
      check(false, "the group is described: " + failure);
    }
  }
}
