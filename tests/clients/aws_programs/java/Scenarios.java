package onemq.aws;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URI;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.SdkResponse;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.SqsClientBuilder;
import software.amazon.awssdk.services.sqs.model.*;

/**
 * {@code Scenarios ENDPOINT NAME...}: plays the scenarios one after the other and prints for each a line {@code RESULT <json>}. A
 * scenario checks itself; its result is {@code "ok"}, or it has an {@code error}. The SDK checks the MD5s of what it gets.
 */
public final class Scenarios {
  interface Scenario {
    void play() throws Exception;
  }

  private final String endpoint;
  private final SqsClient sqs;

  private Scenarios(String endpoint) {
    this.endpoint = endpoint;
    this.sqs = builder().build();
  }

  private SqsClientBuilder builder() {
    return SqsClient.builder()
        .endpointOverride(URI.create(endpoint))
        .region(Region.US_EAST_1)
        .credentialsProvider(StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")))
        .httpClientBuilder(UrlConnectionHttpClient.builder());
  }

  private Map<String, Scenario> all() {
    return Map.of(
        "roundTrip", this::roundTrip,
        "batches", this::batches,
        "fifo", this::fifo,
        "errors", this::errors,
        "visibility", this::visibility,
        "longPoll", this::longPoll,
        "attributesAndTags", this::attributesAndTags,
        "deadLetters", this::deadLetters,
        "checksums", this::checksums);
  }

  private String made(String suffix, Map<QueueAttributeName, String> attributes) {
    Map<QueueAttributeName, String> given = new HashMap<>(attributes);
    if (suffix.endsWith(".fifo")) {
      given.put(QueueAttributeName.FIFO_QUEUE, "true");
    }
    String name = "test-" + UUID.randomUUID().toString().substring(0, 10) + "-" + suffix;
    return sqs.createQueue(asked -> asked.queueName(name).attributes(given)).queueUrl();
  }

  private String made() {
    return made("queue", Map.of());
  }

  private List<Message> receive(String url, int count) {
    return sqs.receiveMessage(
            asked -> asked.queueUrl(url).maxNumberOfMessages(count).waitTimeSeconds(5)
                .messageAttributeNames("All").messageSystemAttributeNames(MessageSystemAttributeName.ALL))
        .messages();
  }

  private static List<String> bodies(List<Message> messages) {
    return messages.stream().map(Message::body).collect(Collectors.toList());
  }

  private static void same(Object wanted, Object found) {
    if (!wanted.equals(found)) {
      throw new AssertionError("wanted " + wanted + ", found " + found);
    }
  }

  private static <E extends Throwable> E thrown(Class<E> kind, Scenario call) throws Exception {
    try {
      call.play();
    } catch (Throwable failure) {
      if (kind.isInstance(failure)) {
        return kind.cast(failure);
      }
      throw new AssertionError("wanted " + kind, failure);
    }
    throw new AssertionError("wanted " + kind + ", and nothing was thrown");
  }

  private void roundTrip() {
    String url = made();
    Map<String, MessageAttributeValue> attributes = Map.of(
        "text", MessageAttributeValue.builder().dataType("String").stringValue("grün & <b>").build(),
        "number", MessageAttributeValue.builder().dataType("Number.int").stringValue("7").build(),
        "raw", MessageAttributeValue.builder().dataType("Binary").binaryValue(SdkBytes.fromByteArray(new byte[] {0, -1, 30})).build());
    SendMessageResponse sent = sqs.sendMessage(asked -> asked.queueUrl(url).messageBody("hello ümläut").messageAttributes(attributes));
    Message message = receive(url, 1).get(0);
    same("hello ümläut", message.body());
    same(attributes, message.messageAttributes());
    same(sent.messageId(), message.messageId());
    same("1", message.attributes().get(MessageSystemAttributeName.APPROXIMATE_RECEIVE_COUNT));
    sqs.deleteMessage(asked -> asked.queueUrl(url).receiptHandle(message.receiptHandle()));
    same("0", sqs.getQueueAttributes(asked -> asked.queueUrl(url).attributeNames(QueueAttributeName.ALL))
        .attributes().get(QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE));
  }

  private void batches() {
    String url = made();
    SendMessageBatchResponse sent = sqs.sendMessageBatch(asked -> asked.queueUrl(url).entries(
        SendMessageBatchRequestEntry.builder().id("a").messageBody("one").build(),
        SendMessageBatchRequestEntry.builder().id("b").messageBody("two").delaySeconds(901).build(),
        SendMessageBatchRequestEntry.builder().id("c").messageBody("three").build()));
    same(2, sent.successful().size());
    same("b", sent.failed().get(0).id());
    same(true, sent.failed().get(0).senderFault());
    List<Message> found = receive(url, 10);
    same(Arrays.asList("one", "three"), bodies(found));
    DeleteMessageBatchResponse deleted = sqs.deleteMessageBatch(asked -> asked.queueUrl(url).entries(
        found.stream().map(message -> DeleteMessageBatchRequestEntry.builder().id(message.body()).receiptHandle(message.receiptHandle()).build())
            .collect(Collectors.toList())));
    same(2, deleted.successful().size());
  }

  private void fifo() {
    String url = made("queue.fifo", Map.of(QueueAttributeName.CONTENT_BASED_DEDUPLICATION, "true"));
    String first = sqs.sendMessage(asked -> asked.queueUrl(url).messageBody("a1").messageGroupId("a")).sequenceNumber();
    sqs.sendMessage(asked -> asked.queueUrl(url).messageBody("a2").messageGroupId("a"));
    same(first, sqs.sendMessage(asked -> asked.queueUrl(url).messageBody("a1").messageGroupId("a")).sequenceNumber());
    same(Arrays.asList("a1", "a2"), bodies(receive(url, 10)));
  }

  private void errors() throws Exception {
    String url = made();
    QueueDoesNotExistException unknown = thrown(QueueDoesNotExistException.class, () -> sqs.getQueueUrl(asked -> asked.queueName("nowhere")));
    same("AWS.SimpleQueueService.NonExistentQueue", unknown.awsErrorDetails().errorCode());
    same(400, unknown.statusCode());
    thrown(ReceiptHandleIsInvalidException.class, () -> sqs.deleteMessage(asked -> asked.queueUrl(url).receiptHandle("nonsense")));
    thrown(EmptyBatchRequestException.class, () -> sqs.deleteMessageBatch(asked -> asked.queueUrl(url).entries(List.of())));
    SqsException range = thrown(SqsException.class, () -> sqs.receiveMessage(asked -> asked.queueUrl(url).maxNumberOfMessages(11)));
    same("InvalidParameterValue", range.awsErrorDetails().errorCode());
  }

  private void visibility() {
    String url = made();
    sqs.sendMessage(asked -> asked.queueUrl(url).messageBody("hello"));
    Message first = receive(url, 1).get(0);
    sqs.changeMessageVisibility(asked -> asked.queueUrl(url).receiptHandle(first.receiptHandle()).visibilityTimeout(0));
    same(first.messageId(), receive(url, 1).get(0).messageId());
  }

  private void longPoll() throws Exception {
    String url = made();
    Thread sender = new Thread(() -> sqs.sendMessage(asked -> asked.queueUrl(url).messageBody("hello")));
    sender.start();
    same(List.of("hello"), bodies(sqs.receiveMessage(asked -> asked.queueUrl(url).waitTimeSeconds(20)).messages()));
    sender.join();
  }

  private void attributesAndTags() {
    String url = made("queue", Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "45"));
    sqs.setQueueAttributes(asked -> asked.queueUrl(url).attributes(Map.of(QueueAttributeName.DELAY_SECONDS, "1")));
    Map<QueueAttributeName, String> found = sqs.getQueueAttributes(asked -> asked.queueUrl(url).attributeNames(QueueAttributeName.ALL)).attributes();
    same("45", found.get(QueueAttributeName.VISIBILITY_TIMEOUT));
    same("1", found.get(QueueAttributeName.DELAY_SECONDS));
    sqs.tagQueue(asked -> asked.queueUrl(url).tags(Map.of("team", "orders")));
    same(Map.of("team", "orders"), sqs.listQueueTags(asked -> asked.queueUrl(url)).tags());
    same(true, sqs.listQueuesPaginator().queueUrls().stream().anyMatch(url::equals));
    sqs.deleteQueue(asked -> asked.queueUrl(url));
  }

  private void deadLetters() {
    String dead = made();
    String arn = sqs.getQueueAttributes(asked -> asked.queueUrl(dead).attributeNames(QueueAttributeName.QUEUE_ARN))
        .attributes().get(QueueAttributeName.QUEUE_ARN);
    String policy = "{\"deadLetterTargetArn\": \"" + arn + "\", \"maxReceiveCount\": 1}";
    String url = made("source", Map.of(QueueAttributeName.REDRIVE_POLICY, policy, QueueAttributeName.VISIBILITY_TIMEOUT, "0"));
    sqs.sendMessage(asked -> asked.queueUrl(url).messageBody("poison"));
    same(1, receive(url, 1).size());
    same(0, sqs.receiveMessage(asked -> asked.queueUrl(url)).messages().size());
    same(List.of("poison"), bodies(receive(dead, 1)));
  }

  /** The SDK's check is on: it refuses an answer whose checksum is not that of the message. */
  private void checksums() throws Exception {
    String url = made();
    ExecutionInterceptor spoiling = new ExecutionInterceptor() {
      @Override
      public SdkResponse modifyResponse(Context.ModifyResponse context, ExecutionAttributes attributes) {
        if (context.response() instanceof SendMessageResponse) {
          return ((SendMessageResponse) context.response()).toBuilder().md5OfMessageBody("0".repeat(32)).build();
        }
        return context.response();
      }
    };
    SqsClient spoilt = builder().overrideConfiguration(options -> options.addExecutionInterceptor(spoiling)).build();
    thrown(SdkClientException.class, () -> spoilt.sendMessage(asked -> asked.queueUrl(url).messageBody("hello")));
    sqs.sendMessage(asked -> asked.queueUrl(url).messageBody("x".repeat(1 << 20)));
    same(1 << 20, receive(url, 10).stream().mapToInt(message -> message.body().length()).max().getAsInt());
  }

  public static void main(String[] arguments) {
    Scenarios scenarios = new Scenarios(arguments[0]);
    Map<String, Scenario> known = scenarios.all();
    for (int index = 1; index < arguments.length; index++) {
      String outcome = "\"result\": \"ok\"";
      try {
        known.get(arguments[index]).play();
      } catch (Throwable failure) {
        StringWriter trace = new StringWriter();
        failure.printStackTrace(new PrintWriter(trace, true));
        String text = trace.toString().replace("\\", "\\\\").replace("\"", "\\\"");
        outcome = "\"error\": \"" + text.replace("\n", "\\n").replace("\t", " ").replace("\r", "") + "\"";
      }
      System.out.println("RESULT {\"scenario\": \"" + arguments[index] + "\", " + outcome + "}");
    }
    System.exit(0);
  }
}
