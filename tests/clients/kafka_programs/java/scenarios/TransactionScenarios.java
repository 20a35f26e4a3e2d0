package onemq.kafka;

import static onemq.kafka.Bench.equal;
import static onemq.kafka.Bench.refused;
import static onemq.kafka.Bench.until;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.AbortTransactionSpec;
import org.apache.kafka.clients.admin.ProducerState;
import org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;

/** Transactions: what read-committed readers see, fencing, exactly once, the admin's view. */
final class TransactionScenarios {
  private TransactionScenarios() {}

  static Map<String, Main.Scenario> all() {
    return Map.of(
        "transactionCommitAndAbort", TransactionScenarios::commitAndAbort,
        "transactionHidesWhatFollows", TransactionScenarios::hides,
        "transactionFencing", TransactionScenarios::fencing,
        "transactionTakenOverAborts", TransactionScenarios::takenOver,
        "transactionExactlyOnce", bench -> exactlyOnce(bench, "classic"),
        "transactionExactlyOnceNextProtocol", bench -> exactlyOnce(bench, "consumer"),
        "transactionStaleMember", TransactionScenarios::staleMember,
        "transactionTimeouts", TransactionScenarios::timeouts,
        "transactionAdmin", TransactionScenarios::admin);
  }

  private static KafkaProducer<String, String> begun(Bench bench, String id) {
    KafkaProducer<String, String> producer = bench.producer("transactional.id", id);
    producer.initTransactions();
    producer.beginTransaction();
    return producer;
  }

  private static ProducerRecord<String, String> record(String topic, String value) {
    return new ProducerRecord<>(topic, 0, "k", value);
  }

  private static void commitAndAbort(Bench bench) throws Exception {
    String topic = bench.topic(1);
    String other = bench.topic(1);
    KafkaProducer<String, String> producer = begun(bench, bench.name("tx"));
    producer.send(record(topic, "aborted"));
    producer.send(record(other, "aborted"));
    producer.flush();
    producer.abortTransaction();
    producer.beginTransaction();
    producer.send(record(topic, "committed"));
    producer.send(record(other, "committed"));
    producer.commitTransaction();
    producer.beginTransaction();
    producer.commitTransaction(); // an empty one
    for (String each : List.of(topic, other)) {
      until(() -> bench.read(each, "read_committed").equals(List.of("committed")), "the marker is written");
      equal(List.of("aborted", "committed"), bench.read(each, "read_uncommitted"));
      // Two records and two markers.
      List<Long> offsets = bench.records(each, "read_uncommitted").stream().map(ConsumerRecord::offset).toList();
      equal(List.of(0L, 2L), offsets);
    }
  }

  private static void hides(Bench bench) throws Exception {
    String topic = bench.topic(1);
    TopicPartition zero = new TopicPartition(topic, 0);
    bench.fill(topic, 1);
    KafkaProducer<String, String> producer = begun(bench, bench.name("tx"));
    producer.send(record(topic, "inside")).get();
    bench.fill(topic, 1);
    equal(List.of("m0"), bench.read(topic, "read_committed"));
    equal(List.of("m0", "inside", "m0"), bench.read(topic, "read_uncommitted"));
    KafkaConsumer<String, String> committed = bench.consumer("isolation.level", "read_committed");
    equal(Map.of(zero, 1L), committed.endOffsets(List.of(zero)));
    equal(Map.of(zero, 3L), bench.consumer().endOffsets(List.of(zero)));
    producer.commitTransaction();
    until(() -> committed.endOffsets(List.of(zero)).equals(Map.of(zero, 4L)), "the marker is written");
    equal(List.of("m0", "inside", "m0"), bench.read(topic, "read_committed"));
  }

  private static void fencing(Bench bench) throws Exception {
    String topic = bench.topic(1);
    String id = bench.name("tx");
    KafkaProducer<String, String> older = begun(bench, id);
    older.send(record(topic, "of the older")).get();
    older.commitTransaction();
    KafkaProducer<String, String> newer = begun(bench, id);
    newer.send(record(topic, "of the newer")).get();
    older.beginTransaction();
    // Brokers with the second version of transactions say the one, those with the first the other.
    ApiException told =
        refused(
            ApiException.class,
            () -> {
              older.send(record(topic, "too late"));
              older.commitTransaction();
            });
    Bench.check(told instanceof ProducerFencedException || told instanceof InvalidProducerEpochException, "fenced: " + told);
    newer.commitTransaction();
    List<String> both = List.of("of the older", "of the newer");
    until(() -> bench.read(topic, "read_committed").equals(both), "the marker is written");
  }

  private static void takenOver(Bench bench) throws Exception {
    String topic = bench.topic(1);
    String id = bench.name("tx");
    KafkaProducer<String, String> older = begun(bench, id);
    older.send(record(topic, "left open")).get();
    KafkaProducer<String, String> newer = begun(bench, id);
    newer.send(record(topic, "of the newer"));
    newer.commitTransaction();
    refused(ProducerFencedException.class, older::commitTransaction);
    until(() -> bench.read(topic, "read_committed").equals(List.of("of the newer")), "the marker is written");
  }

  /** Reads twenty records, writes each, commits the offsets with them; every third attempt is aborted. */
  private static void exactlyOnce(Bench bench, String protocol) throws Exception {
    String input = bench.topic(1);
    String output = bench.topic(1);
    TopicPartition zero = new TopicPartition(input, 0);
    bench.fill(input, 20);
    KafkaConsumer<String, String> consumer =
        bench.consumer("group.id", bench.name("g"), "group.protocol", protocol, "isolation.level", "read_committed", "max.poll.records", 4);
    KafkaProducer<String, String> producer = bench.producer("transactional.id", bench.name("tx"));
    producer.initTransactions();
    consumer.subscribe(List.of(input));
    int attempts = 0;
    int aborts = 0;
    while (consumer.assignment().isEmpty() || consumer.position(zero) < 20) {
      List<ConsumerRecord<String, String>> batch = new ArrayList<>();
      consumer.poll(Bench.MOMENT).forEach(batch::add);
      if (batch.isEmpty()) continue;
      producer.beginTransaction();
      for (ConsumerRecord<String, String> one : batch) producer.send(record(output, one.value()));
      long next = batch.get(batch.size() - 1).offset() + 1;
      producer.sendOffsetsToTransaction(Map.of(zero, new OffsetAndMetadata(next)), consumer.groupMetadata());
      if (++attempts % 3 == 2) {
        producer.flush();
        producer.abortTransaction();
        aborts++;
        OffsetAndMetadata committed = consumer.committed(Set.of(zero)).get(zero);
        consumer.seek(zero, committed == null ? 0 : committed.offset());
      } else {
        producer.commitTransaction();
      }
    }
    Bench.check(aborts >= 2, "some were aborted");
    until(() -> bench.read(output, "read_committed").equals(Bench.numbered(0, 20)), "each once");
    equal(20 + 4 * aborts, bench.read(output, "read_uncommitted").size());
    equal(20L, consumer.committed(Set.of(zero)).get(zero).offset());
  }

  private static void staleMember(Bench bench) throws Exception {
    String topic = bench.topic(1);
    TopicPartition zero = new TopicPartition(topic, 0);
    String group = bench.name("g");
    bench.fill(topic, 1);
    KafkaConsumer<String, String> consumer = bench.consumer("group.id", group);
    consumer.subscribe(List.of(topic));
    ConsumerScenarios.pollSome(consumer, 1);
    ConsumerGroupMetadata old = consumer.groupMetadata();
    consumer.close();
    KafkaProducer<String, String> producer = begun(bench, bench.name("tx"));
    producer.send(record(topic, "never"));
    refused(
        CommitFailedException.class,
        () -> {
          producer.sendOffsetsToTransaction(Map.of(zero, new OffsetAndMetadata(1)), old);
          producer.commitTransaction();
        });
    producer.abortTransaction();
    equal(List.of("m0"), bench.read(topic, "read_committed"));
    equal(Map.of(), bench.admin().listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get());
  }

  private static void timeouts(Bench bench) throws Exception {
    KafkaProducer<String, String> tooLong =
        bench.producer("transactional.id", bench.name("long"), "transaction.timeout.ms", 1_000_000_000);
    String told = refused(KafkaException.class, tooLong::initTransactions).getMessage();
    Bench.check(told.contains("timeout is larger than the maximum"), told);
    String topic = bench.topic(1);
    KafkaProducer<String, String> slow = bench.producer("transactional.id", bench.name("slow"), "transaction.timeout.ms", 500);
    slow.initTransactions();
    slow.beginTransaction();
    slow.send(record(topic, "too slow")).get();
    bench.fill(topic, 1);
    until(() -> bench.read(topic, "read_committed").equals(List.of("m0")), "the broker has ended the transaction");
    refused(KafkaException.class, slow::commitTransaction);
  }

  private static void admin(Bench bench) throws Exception {
    String topic = bench.topic(1);
    TopicPartition zero = new TopicPartition(topic, 0);
    String id = bench.name("tx");
    KafkaProducer<String, String> producer = begun(bench, id);
    producer.send(record(topic, "inside")).get();
    TransactionDescription described = bench.admin().describeTransactions(List.of(id)).all().get().get(id);
    equal(TransactionState.ONGOING, described.state());
    equal(Set.of(zero), described.topicPartitions());
    equal(60_000L, described.transactionTimeoutMs());
    Map<String, TransactionState> listed = new HashMap<>();
    bench.admin().listTransactions().all().get().forEach(one -> listed.put(one.transactionalId(), one.state()));
    equal(TransactionState.ONGOING, listed.get(id));
    List<ProducerState> producers = producers(bench, zero);
    equal(1, producers.size());
    ProducerState open = producers.get(0);
    equal(described.producerId(), open.producerId());
    equal(0L, open.currentTransactionStartOffset().orElse(-1));
    equal(0, open.lastSequence());
    bench.admin()
        .abortTransaction(
            new AbortTransactionSpec(zero, open.producerId(), (short) open.producerEpoch(), Math.max(0, open.coordinatorEpoch().orElse(0))))
        .all()
        .get();
    until(() -> producers(bench, zero).get(0).currentTransactionStartOffset().isEmpty(), "no transaction is open");
    equal(List.of(), bench.read(topic, "read_committed"));
    equal(List.of("inside"), bench.read(topic, "read_uncommitted"));
  }

  private static List<ProducerState> producers(Bench bench, TopicPartition partition) throws Exception {
    return bench.admin().describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers();
  }
}
