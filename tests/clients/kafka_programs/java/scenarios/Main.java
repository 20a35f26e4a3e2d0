package onemq.kafka;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * {@code Main BOOTSTRAP SCENARIO...}: plays the scenarios at once and prints for each a line {@code RESULT <json>}. A scenario
 * checks itself; its result is {@code "ok"}, or it has an {@code error}.
 */
public final class Main {
  private static final int AT_ONCE = 12;
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  interface Scenario {
    void play(Bench bench) throws Exception;
  }

  private static Map<String, Scenario> scenarios() {
    Map<String, Scenario> all = new TreeMap<>();
    all.putAll(ProducerScenarios.all());
    all.putAll(ConsumerScenarios.all());
    all.putAll(GroupScenarios.all());
    all.putAll(TransactionScenarios.all());
    all.putAll(ShareScenarios.all());
    all.putAll(AdminScenarios.all());
    all.putAll(SecurityScenarios.all());
    all.putAll(ToolScenarios.all());
    return all;
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, Scenario> known = scenarios();
    ExecutorService threads = Executors.newFixedThreadPool(AT_ONCE);
    for (int index = 1; index < arguments.length; index++) {
      String name = arguments[index];
      threads.execute(() -> play(arguments[0], name, known.get(name)));
    }
    threads.shutdown();
    threads.awaitTermination(5, TimeUnit.MINUTES);
    System.exit(0);
  }

  private static void play(String bootstrap, String name, Scenario scenario) {
    long start = System.nanoTime();
    String outcome = "\"result\": \"ok\"";
    try (Bench bench = new Bench(bootstrap, name)) {
      scenario.play(bench);
    } catch (Throwable failure) {
      StringWriter trace = new StringWriter();
      failure.printStackTrace(new PrintWriter(trace, true));
      outcome = "\"error\": " + quoted(trace.toString());
    }
    long ms = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    OUT.println("RESULT {\"scenario\": " + quoted(name) + ", \"ms\": " + ms + ", " + outcome + "}");
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
}
