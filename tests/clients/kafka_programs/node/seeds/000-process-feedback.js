async function processFeedback(payload) {
  // Example: Save feedback to MongoDB
  await FeedbackModel.create({
    userId: payload.userId,
    rating: payload.rating,
    comment: payload.comment,
    timestamp: payload.timestamp
  });

  // Optionally trigger other services (e.g., notifications)
}
