/** Listeners of one kind of news; each hears all of it until it leaves. */
export class Feed<News> {
  readonly #listeners = new Set<(news: News) => void>();

  listen(listener: (news: News) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(news: News): void {
    for (const listener of this.#listeners) listener(news);
  }
}
