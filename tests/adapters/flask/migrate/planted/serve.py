from flask import Flask

app = Flask(__name__)
runner = object()


def main():
    app.run()  # not HF111


app.run(port=5001)  # HF111
runner.run()  # not HF111

if __name__ == "__main__":
    app.run(debug=True)  # not HF111
