package onemq.kafka;

import static onemq.kafka.Bench.check;
import static onemq.kafka.Bench.equal;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.utils.Exit;
import org.apache.kafka.tools.GetOffsetShell;
import org.apache.kafka.tools.TopicCommand;
import org.apache.kafka.tools.consumer.group.ConsumerGroupCommand;
import org.apache.kafka.tools.reassign.ReassignPartitionsCommand;

/** Kafka's command line tools, in this process; one at a time, as each prints to the one standard output. */
final class ToolScenarios {
  private static final Object ONE_AT_A_TIME = new Object();

  interface Tool {
    void main(String[] arguments) throws Exception;
  }

  private ToolScenarios() {}

  static Map<String, Main.Scenario> all() {
    return Map.of(
        "toolTopics", ToolScenarios::topics,
        "toolConfigs", ToolScenarios::configs,
        "toolResetOffsets", ToolScenarios::resetOffsets,
        "toolGetOffsets", ToolScenarios::getOffsets,
        "toolReassign", ToolScenarios::reassign);
  }

  /** What the tool prints. */
  private static String run(Bench bench, Tool tool, String... arguments) throws Exception {
    List<String> all = new ArrayList<>(List.of("--bootstrap-server", bench.bootstrap));
    all.addAll(List.of(arguments));
    synchronized (ONE_AT_A_TIME) {
      PrintStream standard = System.out;
      ByteArrayOutputStream printed = new ByteArrayOutputStream();
      Exit.setExitProcedure(
          (status, message) -> {
            if (status != 0) throw new IllegalStateException("the tool ends with " + status + ": " + message + printed);
          });
      System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
      try {
        tool.main(all.toArray(new String[0]));
      } finally {
        System.setOut(standard);
        Exit.resetExitProcedure();
      }
      return printed.toString(StandardCharsets.UTF_8);
    }
  }

  private static void says(String wanted, String printed) {
    check(printed.contains(wanted), "it says " + wanted + ": " + printed);
  }

  private static void topics(Bench bench) throws Exception {
    String topic = bench.name("t");
    says("Created topic", run(bench, TopicCommand::main, "--create", "--topic", topic, "--partitions", "3", "--config", "retention.ms=1000"));
    Bench.until(() -> bench.admin().listTopics().names().get().contains(topic), "it is listed");
    says(topic, run(bench, TopicCommand::main, "--list"));
    String described = run(bench, TopicCommand::main, "--describe", "--topic", topic);
    says("PartitionCount: 3", described);
    says("retention.ms=1000", described);
    run(bench, TopicCommand::main, "--alter", "--topic", topic, "--partitions", "4");
    run(bench, TopicCommand::main, "--delete", "--topic", topic);
    Bench.until(() -> !bench.admin().listTopics().names().get().contains(topic), "it is gone");
  }

  private static void configs(Bench bench) throws Exception {
    String topic = bench.topic(1);
    String[] named = {"--entity-type", "topics", "--entity-name", topic};
    says("Completed updating config", configTool(bench, named, "--alter", "--add-config", "retention.ms=1234,cleanup.policy=[compact,delete]"));
    Bench.until(() -> configTool(bench, named, "--describe").contains("retention.ms=1234"), "it is described");
    says("cleanup.policy=compact,delete", configTool(bench, named, "--describe"));
    configTool(bench, named, "--alter", "--delete-config", "retention.ms");
    Bench.until(() -> !configTool(bench, named, "--describe").contains("retention.ms=1234"), "it is deleted");
    says("max.message.bytes=1048588", configTool(bench, named, "--describe", "--all"));
  }

  private static String configTool(Bench bench, String[] named, String... arguments) throws Exception {
    return run(bench, kafka.admin.ConfigCommand::main, with(named, arguments));
  }

  private static void resetOffsets(Bench bench) throws Exception {
    String topic = bench.topic(1);
    String group = bench.name("g");
    KafkaProducer<String, String> producer = bench.producer();
    for (long second = 1; second <= 4; second++) producer.send(new ProducerRecord<>(topic, 0, second * 1000, "k", "v")).get();
    bench.admin().deleteRecords(Map.of(new TopicPartition(topic, 0), RecordsToDelete.beforeOffset(1))).all().get();
    Map<List<String>, Long> wanted =
        new java.util.LinkedHashMap<>(
            Map.of(
                List.of("--to-earliest"), 1L,
                List.of("--to-latest"), 4L,
                List.of("--to-offset", "2"), 2L,
                List.of("--to-datetime", "1970-01-01T00:00:02.500+00:00"), 2L));
    for (var each : wanted.entrySet()) {
      List<String> arguments = new ArrayList<>(List.of("--reset-offsets", "--group", group, "--topic", topic, "--execute"));
      arguments.addAll(each.getKey());
      run(bench, ConsumerGroupCommand::main, arguments.toArray(new String[0]));
      equal(each.getValue(), committed(bench, group, topic));
    }
    run(bench, ConsumerGroupCommand::main, "--reset-offsets", "--group", group, "--topic", topic, "--execute", "--to-latest");
    run(bench, ConsumerGroupCommand::main, "--reset-offsets", "--group", group, "--topic", topic, "--execute", "--shift-by", "-2");
    equal(2L, committed(bench, group, topic));
    String described = run(bench, ConsumerGroupCommand::main, "--describe", "--group", group);
    String line = described.lines().filter(one -> one.contains(topic)).findFirst().orElseThrow();
    List<String> columns = List.of(line.trim().split("\\s+"));
    equal(List.of(group, topic, "0"), columns.subList(0, 3));
    check(columns.containsAll(Set.of("2", "4")), "committed 2, end 4, lag 2: " + line);
    says(group, run(bench, ConsumerGroupCommand::main, "--list"));
    run(bench, ConsumerGroupCommand::main, "--delete", "--group", group);
  }

  private static long committed(Bench bench, String group, String topic) throws Exception {
    return bench.admin().listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(new TopicPartition(topic, 0)).offset();
  }

  /** Where there is one broker the partition stays where it is. */
  private static void reassign(Bench bench) throws Exception {
    String topic = bench.topic(1);
    int broker = bench.admin().describeCluster().nodes().get().iterator().next().id();
    String partition = "{\"topic\": \"" + topic + "\", \"partition\": 0, \"replicas\": [" + broker + "]}";
    Path plan = Files.createTempFile("reassign", ".json");
    Files.writeString(plan, "{\"version\": 1, \"partitions\": [" + partition + "]}");
    String[] file = {"--reassignment-json-file", plan.toString()};
    says("Successfully started partition reassignment", run(bench, ReassignPartitionsCommand::main, with(file, "--execute")));
    Bench.until(
        () -> run(bench, ReassignPartitionsCommand::main, with(file, "--verify")).contains("is completed"), "it is completed");
    Files.delete(plan);
  }

  private static String[] with(String[] some, String... more) {
    List<String> all = new ArrayList<>(List.of(some));
    all.addAll(List.of(more));
    return all.toArray(new String[0]);
  }

  private static void getOffsets(Bench bench) throws Exception {
    String topic = bench.topic(2);
    bench.fill(topic, 3);
    String printed = run(bench, GetOffsetShell::main, "--topic", topic, "--time", "latest");
    equal(List.of(topic + ":0:3", topic + ":1:0"), printed.lines().sorted().toList());
  }
}
