package onemq;

import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.AlreadyClosedException;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.LongString;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.Recoverable;
import com.rabbitmq.client.RecoveryListener;
import com.rabbitmq.client.RpcClient;
import com.rabbitmq.client.RpcClientParams;
import com.rabbitmq.client.RpcServer;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentNavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Named scenarios with the RabbitMQ Java client, each of which checks itself: {@code Scenarios URL NAME...} plays them one after the
 * other and prints a line {@code RESULT <json>} for each. {@code recovery} is played alone and talks to its caller by lines.
 */
public final class Scenarios {
  private static final long WITHIN_MS = 15_000;

  private final ConnectionFactory factory = new ConnectionFactory();
  private final String prefix = "java-" + UUID.randomUUID().toString().substring(0, 8) + "-";

  private Scenarios(String url) throws Exception {
    factory.setUri(url);
  }

  private interface Scenario {
    void play() throws Exception;
  }

  private Map<String, Scenario> all() {
    return Map.of(
        "confirms", this::confirms,
        "nacks", this::nacks,
        "settling", this::settling,
        "transaction", this::transaction,
        "headers", this::headers,
        "mandatory", this::mandatory,
        "values", this::values,
        "rpc", this::rpc,
        "errors", this::errors,
        "cancelled", this::cancelled);
  }

  public static void main(String[] arguments) throws Exception {
    if (arguments[1].equals("recovery")) {
      new Scenarios(arguments[0]).recovery();
      System.out.println("OK recovery");
      return;
    }
    for (int index = 1; index < arguments.length; index++) {
      play(arguments[index], new Scenarios(arguments[0]));
    }
    System.exit(0);
  }

  private static void play(String name, Scenarios scenarios) {
    String outcome = "\"result\": \"ok\"";
    try {
      scenarios.all().get(name).play();
    } catch (Throwable failure) {
      StringWriter trace = new StringWriter();
      failure.printStackTrace(new PrintWriter(trace, true));
      outcome = "\"error\": " + quoted(trace.toString());
    }
    System.out.println("RESULT {\"scenario\": " + quoted(name) + ", " + outcome + "}");
  }

  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (char one : text.toCharArray()) {
      if (one == '"' || one == '\\') quoted.append('\\').append(one);
      else if (one < ' ' || one > '~') quoted.append(String.format("\\u%04x", (int) one));
      else quoted.append(one);
    }
    return quoted.append('"').toString();
  }

  private void confirms() throws Exception {
    try (Connection connection = factory.newConnection(); Channel channel = connection.createChannel()) {
      String queue = declare(channel, "queue", Map.of());
      channel.confirmSelect();
      ConcurrentNavigableMap<Long, String> outstanding = new ConcurrentSkipListMap<>();
      List<String> problems = Collections.synchronizedList(new ArrayList<>());
      channel.addConfirmListener(
          (tag, multiple) -> {
            if (multiple) {
              outstanding.headMap(tag, true).clear();
            } else if (outstanding.remove(tag) == null) {
              problems.add("confirmed twice: " + tag);
            }
          },
          (tag, multiple) -> problems.add("nack " + tag));
      for (int number = 0; number < 1000; number++) {
        String body = Integer.toString(number);
        outstanding.put(channel.getNextPublishSeqNo(), body);
        channel.basicPublish("", queue, MessageProperties.PERSISTENT_BASIC, bytes(body));
      }
      channel.waitForConfirmsOrDie(WITHIN_MS);
      await(outstanding::isEmpty, "all confirmed");
      check(problems.isEmpty(), problems);
      for (int number = 0; number < 1000; number++) {
        equal(Integer.toString(number), text(channel.basicGet(queue, true).getBody()));
      }
      check(channel.basicGet(queue, true) == null, "nothing more");
      channel.queueDelete(queue);
    }
  }

  private void nacks() throws Exception {
    try (Connection connection = factory.newConnection(); Channel channel = connection.createChannel()) {
      String queue = declare(channel, "full", Map.of("x-max-length", 1, "x-overflow", "reject-publish"));
      channel.confirmSelect();
      channel.basicPublish("", queue, null, bytes("fits"));
      check(channel.waitForConfirms(WITHIN_MS), "the first is confirmed");
      channel.basicPublish("", queue, null, bytes("does not"));
      check(!channel.waitForConfirms(WITHIN_MS), "the second is not");
      channel.queueDelete(queue);
    }
  }

  private void settling() throws Exception {
    try (Connection connection = factory.newConnection(); Channel channel = connection.createChannel()) {
      String dead = declare(channel, "dead", Map.of());
      String queue =
          declare(channel, "queue", Map.of("x-dead-letter-exchange", "", "x-dead-letter-routing-key", dead));
      channel.basicQos(1);
      for (String body : List.of("ack", "requeue", "reject", "nack")) {
        channel.basicPublish("", queue, null, bytes(body));
      }
      BlockingQueue<String> seen = new LinkedBlockingQueue<>();
      channel.basicConsume(queue, false, new DefaultConsumer(channel) {
        @Override
        public void handleDelivery(String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body)
            throws IOException {
          String what = text(body);
          seen.add(what + (envelope.isRedeliver() ? " again" : ""));
          long delivery = envelope.getDeliveryTag();
          switch (what) {
            case "ack" -> channel.basicAck(delivery, false);
            case "requeue" -> {
              if (envelope.isRedeliver()) {
                channel.basicAck(delivery, false);
              } else {
                channel.basicReject(delivery, true);
              }
            }
            case "reject" -> channel.basicReject(delivery, false);
            default -> channel.basicNack(delivery, false, false);
          }
        }
      });
      List<String> order = new ArrayList<>();
      while (order.size() < 5) {
        order.add(next(seen));
      }
      equal(List.of("ack", "requeue", "requeue again", "reject", "nack"), order);
      equal("reject", text(getSoon(channel, dead).getBody()));
      GetResponse last = getSoon(channel, dead);
      equal("nack", text(last.getBody()));
      List<?> deaths = (List<?>) last.getProps().getHeaders().get("x-death");
      Map<?, ?> death = (Map<?, ?>) deaths.get(0);
      equal("rejected", death.get("reason").toString());
      equal(1L, death.get("count"));
      check(death.get("time") instanceof Date, death);
      channel.queueDelete(queue);
      channel.queueDelete(dead);
    }
  }

  private void transaction() throws Exception {
    try (Connection connection = factory.newConnection();
        Channel channel = connection.createChannel();
        Channel other = connection.createChannel()) {
      String queue = declare(channel, "queue", Map.of());
      channel.txSelect();
      channel.basicPublish("", queue, null, bytes("rolled back"));
      channel.txRollback();
      channel.basicPublish("", queue, null, bytes("committed"));
      check(other.basicGet(queue, true) == null, "nothing before the commit");
      channel.txCommit();
      equal("committed", text(getSoon(other, queue).getBody()));
      check(other.basicGet(queue, true) == null, "nothing more");
      channel.queueDelete(queue);
      channel.txCommit();
    }
  }

  private void headers() throws Exception {
    try (Connection connection = factory.newConnection(); Channel channel = connection.createChannel()) {
      String exchange = prefix + "headers";
      channel.exchangeDeclare(exchange, "headers", false, true, null);
      String all = declare(channel, "all", Map.of());
      String any = declare(channel, "any", Map.of());
      channel.queueBind(all, exchange, "", Map.of("x-match", "all", "type", "report", "pages", 3));
      channel.queueBind(any, exchange, "", Map.of("x-match", "any", "type", "report", "pages", 3));
      List<Map<String, Object>> sent =
          List.of(Map.of("type", "report", "pages", 3), Map.of("type", "report"), Map.of("pages", 4));
      for (Map<String, Object> headers : sent) {
        AMQP.BasicProperties properties = new AMQP.BasicProperties.Builder().headers(headers).build();
        channel.basicPublish(exchange, "", properties, bytes(Integer.toString(headers.size())));
      }
      equal("2", text(getSoon(channel, all).getBody()));
      check(channel.basicGet(all, true) == null, "all matched once");
      equal("2", text(getSoon(channel, any).getBody()));
      equal("1", text(getSoon(channel, any).getBody()));
      check(channel.basicGet(any, true) == null, "any matched twice");
      channel.queueDelete(all);
      channel.queueDelete(any);
    }
  }

  private void mandatory() throws Exception {
    try (Connection connection = factory.newConnection(); Channel channel = connection.createChannel()) {
      BlockingQueue<String> events = new LinkedBlockingQueue<>();
      channel.addReturnListener(
          (code, text, exchange, key, properties, body) ->
              events.add(code + " " + text + " [" + exchange + "] " + key + " " + text(body)));
      channel.confirmSelect();
      channel.addConfirmListener((tag, multiple) -> events.add("ack"), (tag, multiple) -> events.add("nack"));
      channel.basicPublish("amq.direct", prefix + "nowhere", true, null, bytes("m"));
      equal("312 NO_ROUTE [amq.direct] " + prefix + "nowhere m", next(events));
      equal("ack", next(events));
    }
  }

  private void values() throws Exception {
    try (Connection connection = factory.newConnection(); Channel channel = connection.createChannel()) {
      String queue = declare(channel, "queue", Map.of());
      Map<String, Object> headers = new HashMap<>();
      headers.put("boolean", true);
      headers.put("byte", (byte) -7);
      headers.put("short", (short) 1234);
      headers.put("int", -70000);
      headers.put("long", 1L << 50);
      headers.put("float", 1.5f);
      headers.put("double", -2.25);
      headers.put("decimal", new BigDecimal("12.345"));
      headers.put("date", new Date(1_600_000_000_000L));
      headers.put("bytes", new byte[] {0, -1, 127});
      headers.put("null", null);
      headers.put("list", Arrays.asList(1, 2L, null, List.of(true)));
      headers.put("table", Map.of("deep", Map.of("deeper", 1)));
      byte[] body = new byte[700_000];
      Arrays.fill(body, (byte) 42);
      AMQP.BasicProperties properties =
          new AMQP.BasicProperties.Builder()
              .headers(headers)
              .contentType("t")
              .contentEncoding("e")
              .deliveryMode(2)
              .priority(1)
              .correlationId("c")
              .replyTo("r")
              .expiration("100000")
              .messageId("m")
              .timestamp(new Date(1_500_000_000_000L))
              .type("y")
              .userId("guest")
              .appId("a")
              .build();
      channel.basicPublish("", queue, properties, body);
      channel.basicPublish("", queue, properties.builder().headers(Map.of("text", "naïve ☃")).build(), new byte[0]);
      GetResponse response = getSoon(channel, queue);
      check(Arrays.equals(body, response.getBody()), "the body");
      Map<String, Object> received = response.getProps().getHeaders();
      equal(headers.keySet(), received.keySet());
      for (Map.Entry<String, Object> entry : headers.entrySet()) {
        if (entry.getValue() instanceof byte[] sent) {
          check(Arrays.equals(sent, (byte[]) received.get(entry.getKey())), entry.getKey());
        } else {
          equal(entry.getValue(), received.get(entry.getKey()));
        }
      }
      equal(properties.builder().headers(null).build(), response.getProps().builder().headers(null).build());
      GetResponse empty = getSoon(channel, queue);
      equal(0, empty.getBody().length);
      equal("naïve ☃", text(((LongString) empty.getProps().getHeaders().get("text")).getBytes()));
      channel.queueDelete(queue);
    }
  }

  private void rpc() throws Exception {
    try (Connection connection = factory.newConnection();
        Channel serving = connection.createChannel();
        Channel calling = connection.createChannel()) {
      String queue = declare(serving, "rpc", Map.of());
      RpcServer server =
          new RpcServer(serving, queue) {
            @Override
            public byte[] handleCall(byte[] request, AMQP.BasicProperties reply) {
              return bytes("answer to " + text(request));
            }
          };
      Thread loop = new Thread(() -> {
        try {
          server.mainloop();
        } catch (IOException | ShutdownSignalException ended) {
          return;
        }
      });
      loop.setDaemon(true);
      loop.start();
      // The client's default reply queue is amq.rabbitmq.reply-to.
      RpcClient client =
          new RpcClient(new RpcClientParams().channel(calling).exchange("").routingKey(queue).timeout((int) WITHIN_MS));
      for (String question : List.of("one", "two", "three")) {
        equal("answer to " + question, client.stringCall(question));
      }
      server.terminateMainloop();
      serving.queueDelete(queue);
    }
  }

  private void errors() throws Exception {
    try (Connection connection = factory.newConnection()) {
      Map<?, ?> capabilities = (Map<?, ?>) connection.getServerProperties().get("capabilities");
      equal(true, capabilities.get("consumer_cancel_notify"));
      equal("RabbitMQ", connection.getServerProperties().get("product").toString());
      Channel first = connection.createChannel();
      try {
        first.queueDeclarePassive(prefix + "missing");
        throw new AssertionError("a missing queue was found");
      } catch (IOException refused) {
        equal(404, closeCode(refused));
      }
      Channel second = connection.createChannel();
      second.basicAck(99, false);
      try {
        second.queueDeclare();
        throw new AssertionError("the channel is still open");
      } catch (IOException refused) {
        equal(406, closeCode(refused));
      } catch (AlreadyClosedException closed) {
        check(closed.getMessage().contains("unknown delivery tag 99"), closed.getMessage());
      }
      check(connection.isOpen(), "the connection is open");
      connection.createChannel().queueDeclare();
    }
  }

  private void cancelled() throws Exception {
    try (Connection connection = factory.newConnection();
        Channel channel = connection.createChannel();
        Channel other = connection.createChannel()) {
      String queue = declare(channel, "queue", Map.of());
      CountDownLatch told = new CountDownLatch(1);
      channel.basicConsume(queue, true, (tag, message) -> {}, tag -> told.countDown());
      other.queueDelete(queue);
      check(told.await(WITHIN_MS, TimeUnit.MILLISECONDS), "told of the deletion");
      check(channel.isOpen(), "the channel is open");
    }
  }

  /**
   * Declares a topology, says READY, waits until the caller has killed and restarted the broker and connection and
   * topology have recovered by themselves, then checks that the consumer still receives.
   */
  private void recovery() throws Exception {
    factory.setAutomaticRecoveryEnabled(true);
    factory.setTopologyRecoveryEnabled(true);
    factory.setNetworkRecoveryInterval(200);
    try (Connection connection = factory.newConnection()) {
      CountDownLatch recovered = new CountDownLatch(1);
      ((Recoverable) connection).addRecoveryListener(new RecoveryListener() {
        @Override
        public void handleRecovery(Recoverable recoverable) {
          recovered.countDown();
        }

        @Override
        public void handleRecoveryStarted(Recoverable recoverable) {
          System.err.println("recovering");
        }
      });
      Channel channel = connection.createChannel();
      String exchange = prefix + "exchange";
      channel.exchangeDeclare(exchange, "topic", false); // neither exchange nor queue survives: the client declares them anew
      String temporary = channel.queueDeclare().getQueue(); // named by the server, so the new one has another name
      channel.queueBind(temporary, exchange, "a.#");
      String durable = declare(channel, "durable", Map.of());
      BlockingQueue<String> seen = new LinkedBlockingQueue<>();
      channel.basicConsume(temporary, true, (tag, message) -> seen.add(text(message.getBody())), tag -> {});
      channel.confirmSelect();
      channel.basicPublish("", durable, MessageProperties.PERSISTENT_BASIC, bytes("kept"));
      channel.basicPublish(exchange, "a.b", null, bytes("before"));
      channel.waitForConfirmsOrDie(WITHIN_MS);
      equal("before", next(seen));
      System.out.println("READY");
      check(recovered.await(60, TimeUnit.SECONDS), "recovered");
      channel.basicPublish(exchange, "a.c", null, bytes("after"));
      equal("after", next(seen));
      equal("kept", text(getSoon(channel, durable).getBody()));
    }
  }

  private String declare(Channel channel, String name, Map<String, Object> arguments) throws IOException {
    return channel.queueDeclare(prefix + name, true, false, false, arguments).getQueue();
  }

  private static int closeCode(IOException refused) {
    ShutdownSignalException cause = (ShutdownSignalException) refused.getCause();
    return ((AMQP.Channel.Close) cause.getReason()).getReplyCode();
  }

  private static GetResponse getSoon(Channel channel, String queue) throws Exception {
    long deadline = System.currentTimeMillis() + WITHIN_MS;
    GetResponse response;
    while ((response = channel.basicGet(queue, true)) == null) {
      check(System.currentTimeMillis() < deadline, "a message in " + queue);
      Thread.sleep(10);
    }
    return response;
  }

  private static String next(BlockingQueue<String> events) throws InterruptedException, TimeoutException {
    String event = events.poll(WITHIN_MS, TimeUnit.MILLISECONDS);
    if (event == null) {
      throw new TimeoutException("no event in time");
    }
    return event;
  }

  private interface Condition {
    boolean holds();
  }

  private static void await(Condition condition, String what) throws InterruptedException {
    long deadline = System.currentTimeMillis() + WITHIN_MS;
    while (!condition.holds()) {
      check(System.currentTimeMillis() < deadline, what);
      Thread.sleep(5);
    }
  }

  private static void check(boolean holds, Object what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  private static void equal(Object expected, Object actual) {
    check(Objects.equals(expected, actual), "expected " + expected + ", got " + actual);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private static String text(byte[] body) {
    return new String(body, StandardCharsets.UTF_8);
  }
}
