/** What a seed uses without importing it. */
final class List {
  private List() {}

  static <T> java.util.List<T> of(T one) {
    return java.util.List.of(one);
  }
}
