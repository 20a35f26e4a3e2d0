const AWS = require("aws-sdk");
AWS.config.update({ region: "us-east-1" });
const sqs = new AWS.SQS();

const queueUrl = "https://sqs.us-east-1.amazonaws.com/123456789012/MyQueue";

// Sending a message
sqs.sendMessage(
  {
    QueueUrl: queueUrl,
    MessageBody: "New order placed: #456",
  },
  (err, data) => {
    if (err) console.error("Error sending message:", err);
    else console.log("Message sent:", data.MessageId);
  }
);

// Receiving a message
sqs.receiveMessage(
  {
    QueueUrl: queueUrl,
    MaxNumberOfMessages: 1,
  },
  (err, data) => {
    if (err) console.error("Error receiving message:", err);
    else if (data.Messages) {
      console.log("Message received:", data.Messages[0].Body);
    }
  }
);
