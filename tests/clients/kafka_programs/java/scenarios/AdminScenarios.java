package onemq.kafka;

import static onemq.kafka.Bench.check;
import static onemq.kafka.Bench.equal;
import static onemq.kafka.Bench.refused;
import static onemq.kafka.Bench.until;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigOp.OpType;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.CreateTopicsOptions;
import org.apache.kafka.clients.admin.CreateTopicsResult;
import org.apache.kafka.clients.admin.DescribeClusterResult;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.LogDirDescription;
import org.apache.kafka.clients.admin.MemberToRemove;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.GroupState;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InvalidConfigurationException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.OffsetOutOfRangeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownMemberIdException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/** The admin client: topics, configs, offsets, records, groups, the cluster. */
final class AdminScenarios {
  private AdminScenarios() {}

  static Map<String, Main.Scenario> all() {
    return Map.of(
        "adminTopics", AdminScenarios::topics,
        "adminTopicRefusals", AdminScenarios::topicRefusals,
        "adminConfigs", AdminScenarios::configs,
        "adminListOffsets", AdminScenarios::listOffsets,
        "adminDeleteRecords", AdminScenarios::deleteRecords,
        "adminCluster", AdminScenarios::cluster,
        "adminGroups", AdminScenarios::groups,
        "adminGroupOffsets", AdminScenarios::groupOffsets,
        "adminLogDirs", AdminScenarios::logDirs,
        "adminManyTopics", AdminScenarios::manyTopics);
  }

  private static void topics(Bench bench) throws Exception {
    String topic = bench.name("t");
    NewTopic wanted = new NewTopic(topic, 3, (short) 1).configs(Map.of("retention.ms", "60000"));
    bench.admin().createTopics(List.of(wanted), new CreateTopicsOptions().validateOnly(true)).all().get();
    check(!bench.admin().listTopics().names().get().contains(topic), "it was only checked");
    CreateTopicsResult made = bench.admin().createTopics(List.of(wanted));
    equal(List.of(3, 1), List.of(made.numPartitions(topic).get(), made.replicationFactor(topic).get()));
    equal("60000", made.config(topic).get().get("retention.ms").value());
    until(() -> bench.admin().listTopics().names().get().contains(topic), "it is listed");
    TopicDescription described = bench.admin().describeTopics(List.of(topic)).allTopicNames().get().get(topic);
    equal(made.topicId(topic).get(), described.topicId());
    equal(List.of(0, 1, 2), described.partitions().stream().map(one -> one.partition()).toList());
    equal(List.of(1, 1, 1), described.partitions().stream().map(one -> one.isr().size()).toList());
    equal(false, described.isInternal());
    bench.admin().createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
    until(() -> byId(bench, made, topic).partitions().size() == 5, "it has five partitions");
    bench.admin().deleteTopics(TopicCollection.ofTopicIds(List.of(described.topicId()))).all().get();
    until(() -> !bench.admin().listTopics().names().get().contains(topic), "it is listed no more");
    // Made again it is another one.
    CreateTopicsResult again = bench.admin().createTopics(List.of(wanted));
    check(!again.topicId(topic).get().equals(described.topicId()), "the id is a new one");
  }

  private static TopicDescription byId(Bench bench, CreateTopicsResult made, String topic) throws Exception {
    return bench.admin().describeTopics(TopicCollection.ofTopicIds(List.of(made.topicId(topic).get()))).allTopicIds().get()
        .get(made.topicId(topic).get());
  }

  private static void topicRefusals(Bench bench) throws Exception {
    String topic = bench.topic(2);
    String none = bench.name("none");
    refused(TopicExistsException.class, () -> create(bench, new NewTopic(topic, 1, (short) 1)));
    refused(InvalidTopicException.class, () -> create(bench, new NewTopic("a b", 1, (short) 1)));
    refused(InvalidPartitionsException.class, () -> create(bench, new NewTopic(none, 0, (short) 1)));
    refused(
        InvalidConfigurationException.class,
        () -> create(bench, new NewTopic(none, 1, (short) 1).configs(Map.of("no.such.config", "1"))));
    for (int count : List.of(1, 2)) {
      refused(
          InvalidPartitionsException.class,
          () -> bench.admin().createPartitions(Map.of(topic, NewPartitions.increaseTo(count))).all().get());
    }
    refused(UnknownTopicOrPartitionException.class, () -> bench.admin().deleteTopics(List.of(none)).all().get());
    refused(UnknownTopicOrPartitionException.class, () -> bench.admin().describeTopics(List.of(none)).allTopicNames().get());
    // The broker's default for partitions and copies.
    create(bench, new NewTopic(none, java.util.Optional.empty(), java.util.Optional.empty()));
  }

  private static void create(Bench bench, NewTopic topic) throws Exception {
    bench.admin().createTopics(List.of(topic)).all().get();
  }

  private static void configs(Bench bench) throws Exception {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, bench.topic(1, "cleanup.policy", "compact"));
    equal(List.of("compact", ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG), entry(bench, resource, "cleanup.policy"));
    equal(List.of("604800000", ConfigEntry.ConfigSource.DEFAULT_CONFIG), entry(bench, resource, "retention.ms"));
    alter(bench, resource, OpType.APPEND, "cleanup.policy", "delete");
    untilConfig(bench, resource, "cleanup.policy", "compact,delete");
    alter(bench, resource, OpType.SUBTRACT, "cleanup.policy", "compact");
    untilConfig(bench, resource, "cleanup.policy", "delete");
    alter(bench, resource, OpType.SET, "retention.ms", "1234");
    untilConfig(bench, resource, "retention.ms", "1234");
    equal("delete", entry(bench, resource, "cleanup.policy").get(0)); // the others are left alone
    alter(bench, resource, OpType.DELETE, "retention.ms", null);
    untilConfig(bench, resource, "retention.ms", "604800000");
    refused(InvalidConfigurationException.class, () -> alter(bench, resource, OpType.SET, "retention.ms", "soon"));
    refused(InvalidConfigurationException.class, () -> alter(bench, resource, OpType.SET, "no.such.config", "1"));
    int id = bench.admin().describeCluster().nodes().get().iterator().next().id();
    ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, Integer.toString(id));
    check(describe(bench, broker).get("num.partitions") != null, "the broker's settings are described");
  }

  private static Config describe(Bench bench, ConfigResource resource) throws Exception {
    return bench.admin().describeConfigs(List.of(resource)).all().get().get(resource);
  }

  private static List<Object> entry(Bench bench, ConfigResource resource, String name) throws Exception {
    ConfigEntry entry = describe(bench, resource).get(name);
    return List.of(entry.value(), entry.source());
  }

  private static void untilConfig(Bench bench, ConfigResource resource, String name, String wanted) throws Exception {
    until(() -> entry(bench, resource, name).get(0).equals(wanted), name + " is " + wanted);
  }

  private static void alter(Bench bench, ConfigResource resource, OpType type, String name, String value) throws Exception {
    AlterConfigOp operation = new AlterConfigOp(new ConfigEntry(name, value), type);
    bench.admin().incrementalAlterConfigs(Map.of(resource, List.of(operation))).all().get();
  }

  private static long offset(Bench bench, TopicPartition partition, OffsetSpec spec, IsolationLevel isolation) throws Exception {
    ListOffsetsOptions options = new ListOffsetsOptions(isolation);
    return bench.admin().listOffsets(Map.of(partition, spec), options).partitionResult(partition).get().offset();
  }

  private static void listOffsets(Bench bench) throws Exception {
    String topic = bench.topic(1);
    TopicPartition zero = new TopicPartition(topic, 0);
    IsolationLevel all = IsolationLevel.READ_UNCOMMITTED;
    equal(-1L, offset(bench, zero, OffsetSpec.maxTimestamp(), all));
    KafkaProducer<String, String> producer = bench.producer("transactional.id", bench.name("tx"));
    producer.initTransactions();
    producer.beginTransaction();
    for (long time : List.of(1000L, 3000L, 2000L)) producer.send(new ProducerRecord<>(topic, 0, time, "k", "v")).get();
    equal(0L, offset(bench, zero, OffsetSpec.earliest(), all));
    equal(3L, offset(bench, zero, OffsetSpec.latest(), all));
    equal(0L, offset(bench, zero, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED));
    producer.commitTransaction();
    // A broker may answer the commit before it has written all markers.
    until(() -> offset(bench, zero, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED) == 4, "it is committed");
    equal(1L, offset(bench, zero, OffsetSpec.forTimestamp(1001), all));
    equal(1L, offset(bench, zero, OffsetSpec.forTimestamp(3000), all));
    String plain = bench.topic(1);
    KafkaProducer<String, String> other = bench.producer();
    for (long time : List.of(1000L, 3000L, 2000L)) other.send(new ProducerRecord<>(plain, 0, time, "k", "v")).get();
    TopicPartition first = new TopicPartition(plain, 0);
    equal(1L, offset(bench, first, OffsetSpec.maxTimestamp(), all));
    equal(-1L, offset(bench, first, OffsetSpec.forTimestamp(3001), all));
  }

  private static void deleteRecords(Bench bench) throws Exception {
    String topic = bench.topic(1);
    TopicPartition zero = new TopicPartition(topic, 0);
    bench.fill(topic, 5);
    equal(2L, bench.admin().deleteRecords(Map.of(zero, RecordsToDelete.beforeOffset(2))).lowWatermarks().get(zero).get().lowWatermark());
    equal(Bench.numbered(2, 5), bench.read(topic, "read_uncommitted"));
    refused(
        OffsetOutOfRangeException.class,
        () -> bench.admin().deleteRecords(Map.of(zero, RecordsToDelete.beforeOffset(9))).all().get());
    equal(5L, bench.admin().deleteRecords(Map.of(zero, RecordsToDelete.beforeOffset(-1))).lowWatermarks().get(zero).get().lowWatermark());
    bench.fill(topic, 1);
    equal(List.of(5L), bench.records(topic, "read_uncommitted").stream().map(one -> one.offset()).toList());
  }

  private static void cluster(Bench bench) throws Exception {
    DescribeClusterResult cluster = bench.admin().describeCluster();
    equal(1, cluster.nodes().get().size());
    org.apache.kafka.common.Node node = cluster.nodes().get().iterator().next();
    equal(bench.bootstrap, node.host() + ":" + node.port());
    equal(node.id(), cluster.controller().get().id());
    check(!cluster.clusterId().get().isEmpty(), "the cluster has an id");
    check(bench.admin().describeFeatures().featureMetadata().get() != null, "features are described");
  }

  private static void groups(Bench bench) throws Exception {
    String topic = bench.topic(2);
    String group = bench.name("g");
    KafkaConsumer<String, String> consumer = bench.consumer("group.id", group, "group.instance.id", "one", "client.id", "me");
    consumer.subscribe(List.of(topic));
    until(() -> poll(consumer) && consumer.assignment().size() == 2, "it has both");
    consumer.commitSync(Map.of(new TopicPartition(topic, 0), new OffsetAndMetadata(0)));
    GroupListing listed = listing(bench, group);
    equal(List.of(GroupType.CLASSIC, GroupState.STABLE, "consumer"),
        List.of(listed.type().orElseThrow(), listed.groupState().orElseThrow(), listed.protocol()));
    var described = bench.admin().describeConsumerGroups(List.of(group)).all().get().get(group);
    var member = described.members().iterator().next();
    equal(List.of("range", GroupState.STABLE, "me", "one", consumer.assignment()),
        List.of(described.partitionAssignor(), described.groupState(), member.clientId(), member.groupInstanceId().orElseThrow(),
            member.assignment().topicPartitions()));
    refused(GroupNotEmptyException.class, () -> bench.admin().deleteConsumerGroups(List.of(group)).all().get());
    MemberToRemove one = new MemberToRemove("one");
    bench.admin().removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions(Set.of(one))).all().get();
    until(() -> listing(bench, group).groupState().orElseThrow() == GroupState.EMPTY, "the member was removed");
    bench.admin().deleteConsumerGroups(List.of(group)).all().get();
    refused(GroupIdNotFoundException.class, () -> bench.admin().deleteConsumerGroups(List.of(group)).all().get());
    refused(GroupIdNotFoundException.class, () -> bench.admin().describeConsumerGroups(List.of(group)).all().get());
  }

  private static boolean poll(KafkaConsumer<String, String> consumer) {
    consumer.poll(Bench.MOMENT);
    return true;
  }

  private static GroupListing listing(Bench bench, String group) throws Exception {
    return bench.admin().listGroups().all().get().stream().filter(one -> one.groupId().equals(group)).findFirst().orElseThrow();
  }

  private static void groupOffsets(Bench bench) throws Exception {
    String topic = bench.topic(2);
    String group = bench.name("g");
    TopicPartition zero = new TopicPartition(topic, 0);
    TopicPartition one = new TopicPartition(topic, 1);
    bench.fill(topic, 5);
    Map<TopicPartition, OffsetAndMetadata> wanted = Map.of(zero, new OffsetAndMetadata(3, "set"), one, new OffsetAndMetadata(0, ""));
    bench.admin().alterConsumerGroupOffsets(group, wanted).all().get();
    Map<TopicPartition, Long> offsets = new HashMap<>();
    bench.admin().listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().forEach((partition, found) -> offsets.put(partition, found.offset()));
    equal(Map.of(zero, 3L, one, 0L), offsets);
    KafkaConsumer<String, String> consumer = bench.consumer("group.id", group);
    consumer.subscribe(List.of(topic));
    equal(List.of("m3", "m4"), Bench.values(ConsumerScenarios.pollSome(consumer, 2)));
    refused(UnknownMemberIdException.class, () -> bench.admin().alterConsumerGroupOffsets(group, wanted).all().get());
    consumer.close();
    bench.admin().deleteConsumerGroupOffsets(group, Set.of(one)).all().get();
    equal(Set.of(zero), bench.admin().listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().keySet());
    bench.admin().deleteTopics(List.of(topic)).all().get();
    until(
        () -> bench.admin().listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().isEmpty(),
        "the offsets of a deleted topic are gone");
  }

  private static void logDirs(Bench bench) throws Exception {
    String topic = bench.topic(1);
    bench.fill(topic, 5);
    int id = bench.admin().describeCluster().nodes().get().iterator().next().id();
    List<Long> sizes = new ArrayList<>();
    for (LogDirDescription directory : bench.admin().describeLogDirs(List.of(id)).allDescriptions().get().get(id).values()) {
      equal(null, directory.error());
      var info = directory.replicaInfos().get(new TopicPartition(topic, 0));
      if (info != null) sizes.add(info.size());
    }
    equal(1, sizes.size());
    check(sizes.get(0) > 0, "the partition has a size");
  }

  private static void manyTopics(Bench bench) throws Exception {
    List<NewTopic> wanted = new ArrayList<>();
    for (int number = 0; number < 50; number++) wanted.add(new NewTopic(bench.name("t" + number), 4, (short) 1));
    List<String> names = wanted.stream().map(NewTopic::name).toList();
    bench.admin().createTopics(wanted).all().get();
    until(() -> bench.admin().listTopics().names().get().containsAll(names), "all are listed");
    equal(50, bench.admin().describeTopics(names).allTopicNames().get().size());
    bench.admin().deleteTopics(names).all().get();
  }
}
