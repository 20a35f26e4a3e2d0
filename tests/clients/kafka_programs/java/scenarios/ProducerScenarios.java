package onemq.kafka;

import static onemq.kafka.Bench.equal;
import static onemq.kafka.Bench.refused;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;

/** The producer: idempotent by default, codecs, headers, times, acks, refusals. */
final class ProducerScenarios {
  private ProducerScenarios() {}

  static Map<String, Main.Scenario> all() {
    return Map.of(
        "producerIsIdempotentByDefault", ProducerScenarios::idempotent,
        "producerCodecs", ProducerScenarios::codecs,
        "producerHeadersAndTimes", ProducerScenarios::headersAndTimes,
        "producerAcks", ProducerScenarios::acks,
        "producerRefusals", ProducerScenarios::refusals);
  }

  private static void idempotent(Bench bench) throws Exception {
    String topic = bench.topic(3);
    KafkaProducer<String, String> producer = bench.producer("linger.ms", 0, "batch.size", 200);
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    for (int number = 0; number < 300; number++) {
      sent.add(producer.send(new ProducerRecord<>(topic, number % 3, "k", "m" + number / 3)));
    }
    Map<Integer, Long> next = new HashMap<>();
    for (Future<RecordMetadata> one : sent) {
      long offset = next.merge(one.get().partition(), 1L, Long::sum) - 1;
      equal(offset, one.get().offset());
    }
    equal(Bench.numbered(0, 100), bench.read(topic, "read_uncommitted"));
    equal(3, producer.partitionsFor(topic).size());
  }

  private static void codecs(Bench bench) throws Exception {
    String topic = bench.topic(1);
    List<String> wanted = new ArrayList<>();
    for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
      KafkaProducer<String, String> producer = bench.producer("compression.type", codec, "linger.ms", 50);
      for (int number = 0; number < 20; number++) {
        wanted.add((codec + number + " ").repeat(100));
        producer.send(new ProducerRecord<>(topic, 0, null, wanted.get(wanted.size() - 1)));
      }
      producer.close();
    }
    equal(wanted, bench.read(topic, "read_uncommitted"));
    equal(wanted, bench.read(topic, "read_committed"));
    // The topic's own codec: the broker stores what comes in another one in this.
    String zipped = bench.topic(1, "compression.type", "gzip");
    bench.fill(zipped, 5);
    equal(Bench.numbered(0, 5), bench.read(zipped, "read_uncommitted"));
  }

  private static void headersAndTimes(Bench bench) throws Exception {
    String topic = bench.topic(1);
    KafkaProducer<String, String> producer = bench.producer();
    RecordHeaders headers = new RecordHeaders();
    headers.add("h", "1".getBytes(StandardCharsets.UTF_8)).add("h", "2".getBytes(StandardCharsets.UTF_8)).add("none", null);
    equal(1234L, producer.send(new ProducerRecord<>(topic, 0, 1234L, "k", "v", headers)).get().timestamp());
    producer.send(new ProducerRecord<>(topic, 0, "k", null)).get();
    List<ConsumerRecord<String, String>> records = bench.records(topic, "read_uncommitted");
    equal(headers, records.get(0).headers());
    equal(List.of(1234L, TimestampType.CREATE_TIME), List.of(records.get(0).timestamp(), records.get(0).timestampType()));
    equal(null, records.get(1).value());

    String stamped = bench.topic(1, "message.timestamp.type", "LogAppendTime");
    long before = System.currentTimeMillis();
    long given = producer.send(new ProducerRecord<>(stamped, 0, 1234L, "k", "v")).get().timestamp();
    Bench.check(given >= before, "the producer is told the broker's time");
    ConsumerRecord<String, String> read = bench.records(stamped, "read_uncommitted").get(0);
    equal(List.of(given, TimestampType.LOG_APPEND_TIME), List.of(read.timestamp(), read.timestampType()));
  }

  private static void acks(Bench bench) throws Exception {
    String topic = bench.topic(1);
    for (String acks : List.of("0", "1", "all")) {
      KafkaProducer<String, String> producer = bench.producer("acks", acks, "enable.idempotence", false);
      RecordMetadata told = producer.send(new ProducerRecord<>(topic, 0, null, acks)).get();
      equal(!acks.equals("0"), told.hasOffset());
      producer.close();
    }
    equal(List.of("0", "1", "all"), bench.read(topic, "read_uncommitted"));
  }

  private static void refusals(Bench bench) throws Exception {
    KafkaProducer<String, String> producer = bench.producer();
    String small = bench.topic(1, "max.message.bytes", "1000");
    refused(RecordTooLargeException.class, () -> producer.send(new ProducerRecord<>(small, "x".repeat(2000))).get());
    producer.send(new ProducerRecord<>(small, "fits")).get();
    String compacted = bench.topic(1, "cleanup.policy", "compact");
    refused(InvalidRecordException.class, () -> producer.send(new ProducerRecord<>(compacted, "no key")).get());
    refused(InvalidTopicException.class, () -> producer.send(new ProducerRecord<>("not/a/name", "x")).get());
    equal(List.of("fits"), bench.read(small, "read_uncommitted"));
  }
}
